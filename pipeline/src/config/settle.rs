//! From the file as written to the plan.

use std::sync::Arc;

use super::{
    Config, Section, SectionKind,
    error::{At, Place, Problem},
    filter, input, output,
    plan::{InputPlan, Plan, ServicePlan},
    service,
    shared::{Around, Upstream},
};
use crate::{input::tail, parse::parser::Parsers};

pub(super) fn plan(config: &Config) -> At<Plan> {
    no_plugins(config)?;
    let service = service(config)?;
    let around = around(config, &service)?;
    let of = |kind| config.sections.iter().filter(move |section| section.kind == kind).enumerate();
    let inputs: Vec<_> =
        of(SectionKind::Input).map(|(index, section)| input::plan(section, index, &around)).collect::<At<_>>()?;
    let mut filters: Vec<_> =
        inputs.iter().enumerate().flat_map(|(index, input)| tail::config::filters(input, index)).collect();
    for (index, section) in of(SectionKind::Filter) {
        filters.push(filter::plan(section, index, &around)?);
    }
    let outputs: Vec<_> =
        of(SectionKind::Output).map(|(index, section)| output::plan(section, index, &around)).collect::<At<_>>()?;
    if inputs.is_empty() {
        return Err((Place::default(), Problem::NoSection("INPUT")));
    }
    if outputs.is_empty() {
        return Err((Place::default(), Problem::NoSection("OUTPUT")));
    }
    let same_db = |index: usize| {
        let db = inputs[index].db();
        db.is_some() && inputs[..index].iter().any(|before: &InputPlan| before.db() == db)
    };
    if (0..inputs.len()).any(same_db) {
        return Err((Place::default(), Problem::Contradiction("two inputs share one `DB`; give each its own file")));
    }
    drop(around);
    Ok(Plan { service, inputs, filters, outputs })
}

/// The file of plugins that Fluent Bit is installed with names none.
fn no_plugins(config: &Config) -> At<()> {
    let mut sections = config.sections.iter().filter(|section| section.kind == SectionKind::Plugins);
    match sections.find_map(|section| section.entries.first()) {
        None => Ok(()),
        Some(entry) => {
            let (what, why) = ("a plugin of its own file".to_owned(), "plugins are not loaded at run time; remove it");
            Err((entry.line, Problem::Refused { what, why }))
        }
    }
}

fn service(config: &Config) -> At<ServicePlan> {
    let mut sections = config.sections.iter().filter(|section| section.kind == SectionKind::Service);
    match (sections.next(), sections.next()) {
        (_, Some(second)) => Err((second.line, Problem::Contradiction("there are two `[SERVICE]` sections; keep one"))),
        (Some(section), None) => service::plan(section),
        (None, None) => service::plan(&Section::new(SectionKind::Service, Place::default())),
    }
}

/// What the sections can refer to.
fn around<'a>(config: &'a Config, service: &'a ServicePlan) -> At<Around<'a>> {
    let of = |kind| config.sections.iter().filter(move |section| section.kind == kind);
    let parsers = Parsers::read(of(SectionKind::Parser), of(SectionKind::MultilineParser))?;
    let mut upstreams = Vec::new();
    for (index, section) in config.sections.iter().enumerate() {
        let grouped = |before: &Section| [SectionKind::Upstream, SectionKind::Node].contains(&before.kind);
        if section.kind == SectionKind::Node && !index.checked_sub(1).is_some_and(|at| grouped(&config.sections[at])) {
            let why = "this `[NODE]` belongs to no group; put it directly below its `[UPSTREAM]`";
            return Err((section.line, Problem::Contradiction(why)));
        }
        if section.kind == SectionKind::Upstream {
            upstreams.push(upstream(section, &config.sections[index + 1..])?);
        }
    }
    Ok(Around { service, parsers: Arc::new(parsers), files: &config.files, upstreams })
}

fn upstream<'a>(section: &'a Section, after: &'a [Section]) -> At<Upstream<'a>> {
    let key = |name: &str| section.entries.iter().find(|entry| entry.key.eq_ignore_ascii_case(name));
    let name = key("Name").ok_or((section.line, Problem::Missing("Name")))?;
    let nodes = after.iter().position(|section| section.kind != SectionKind::Node).unwrap_or(after.len());
    if nodes == 0 {
        return Err((section.line, Problem::NoSection("NODE")));
    }
    Ok(Upstream {
        name: &name.value,
        named: key(FILE).map_or("", |entry| entry.value.as_str()),
        nodes: &after[..nodes],
    })
}

/// Key of an upstream under which the reader of files notes how the file was named.
pub(super) const FILE: &str = "(file)";
