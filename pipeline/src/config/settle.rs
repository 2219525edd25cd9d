//! From the file as written to the plan.

use super::{
    Config, Section, SectionKind,
    error::{At, Problem},
    input,
    keys::Keys,
    output,
    plan::{InputPlan, LogLevel, Plan, ServicePlan},
    value,
};

const SERVICE_KEYS: &[&str] = &["Flush", "Grace", "Log_Level", "Daemon"];
const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];

pub(super) fn plan(config: &Config) -> At<Plan> {
    let mut service = None;
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    for section in &config.sections {
        match section.kind {
            SectionKind::Service if service.is_some() => {
                return Err((section.line, Problem::Contradiction("there are two `[SERVICE]` sections; keep one")));
            }
            SectionKind::Service => service = Some(self::service(section)?),
            SectionKind::Input => inputs.push(input::plan(section, inputs.len())?),
            SectionKind::Output => outputs.push(output::plan(section, outputs.len())?),
        }
    }
    if inputs.is_empty() {
        return Err((0, Problem::NoSection("INPUT")));
    }
    if outputs.is_empty() {
        return Err((0, Problem::NoSection("OUTPUT")));
    }
    let same_db = |index: usize| {
        let db = inputs[index].db();
        db.is_some() && inputs[..index].iter().any(|before: &InputPlan| before.db() == db)
    };
    if (0..inputs.len()).any(same_db) {
        return Err((0, Problem::Contradiction("two inputs share one `DB`; give each its own file")));
    }
    let service = match service {
        Some(service) => service,
        None => self::service(&Section { kind: SectionKind::Service, line: 0, entries: Vec::new() })?,
    };
    Ok(Plan { service, inputs, filters: Vec::new(), outputs })
}

fn service(section: &Section) -> At<ServicePlan> {
    let keys = Keys::new(section, SERVICE_KEYS, &[])?;
    let within = |text: &str, least, most| value::duration_ms(text).filter(|ms| (least..=most).contains(ms));
    let level = match keys.word("Log_Level", LEVELS)? {
        Some(0) => LogLevel::Off,
        Some(1) => LogLevel::Error,
        Some(2) => LogLevel::Warn,
        Some(4) => LogLevel::Debug,
        Some(5) => LogLevel::Trace,
        _ => LogLevel::Info,
    };
    if let Some(entry) = keys.get("Daemon")
        && value::boolean(&entry.value) != Some(false)
    {
        return Err((
            entry.line,
            Problem::Contradiction("`Daemon` can only be off; start the program in the background"),
        ));
    }
    Ok(ServicePlan {
        flush_ms: keys
            .read("Flush", 1_000, "a time between 1 ms and 1 h, as 1 or 0.2", |text| within(text, 1, 3_600_000))?,
        grace_ms: keys.read("Grace", 5_000, "a time up to 1 h, as 5", |text| within(text, 0, 3_600_000))?,
        log_level: level,
    })
}
