//! `run`: perform scenarios live and judge them.

use std::sync::{Arc, atomic::Ordering};

use ::pipeline::defects::Defect;
use anyhow::Context;
use results::outcome::{Outcome, Verdict};
use scenarios::{
    agents::Agent,
    library,
    live::{How, run},
    plan::{Overrides, Plan},
};

use super::check::with_caret;
use crate::{cli, exit, interrupt, print, screen, screen::Screen, tui};

pub(crate) fn perform(args: &cli::Run) -> anyhow::Result<u8> {
    judged(args, &mut |_| {})
}

/// Performs what was asked, and hands every outcome on.
pub(super) fn judged(args: &cli::Run, told: &mut dyn FnMut(&Outcome)) -> anyhow::Result<u8> {
    let plans = plans(args)?;
    let agents = args.agent.split(',').map(str::parse).collect::<Result<Vec<Agent>, _>>()?;
    let defect: Option<Defect> = args.defect.as_deref().map(str::parse).transpose()?;
    let bench = std::env::current_exe().context("cannot find my own program, which children are started with")?;
    let broken_off = interrupt::watch()?;
    let first = args.seed.unwrap_or_else(fresh_seed);
    let mut codes = Vec::new();
    for (plan, name) in &plans {
        for &agent in &agents {
            for seed in (0..u64::from(args.repeat)).map(|nth| first.wrapping_add(nth)) {
                let how = How {
                    agent,
                    defect,
                    seed,
                    out: args.out.clone(),
                    bench: bench.clone(),
                    broken_off: Arc::clone(&broken_off),
                    keep: args.keep,
                    repeat: repeat(args, name, agent, seed),
                    orders: scenarios::live::orders::Orders::default(),
                };
                match one(plan, &how, args) {
                    Ok(outcome) => {
                        told(&outcome);
                        codes.push(code(&outcome));
                    }
                    // The next scenario may well be performed; this one would fail again.
                    Err(error) => {
                        print::error(&error);
                        codes.push(exit::MISUSE);
                        break;
                    }
                }
                if broken_off.load(Ordering::Relaxed) {
                    return Ok(exit::INTERRUPTED);
                }
            }
        }
    }
    Ok(exit::worst(codes))
}

fn one(plan: &Plan, how: &How, args: &cli::Run) -> anyhow::Result<Outcome> {
    let ui = if args.json && args.ui == cli::Ui::Auto { cli::Ui::Text } else { args.ui };
    let outcome = if ui == cli::Ui::Tui { dashboard(plan, how, args.theme)? } else { lines(plan, how, args, ui)? };
    let since = super::report::keep(&outcome);
    if args.json {
        print::out(&format!("{}\n", serde_json::to_string(&outcome)?));
    } else {
        print::out(&screen::verdict(&outcome, &plan.contract, since.as_ref()));
    }
    Ok(outcome)
}

fn lines(plan: &Plan, how: &How, args: &cli::Run, ui: cli::Ui) -> anyhow::Result<Outcome> {
    let mut screen = Screen::new(plan, ui, &args.no_warn);
    screen.begin(plan, how.agent.name(), how.seed, args.defect.as_deref());
    let done = run(plan, how, &mut |event| screen.take(event));
    screen.end();
    Ok(done?)
}

fn dashboard(plan: &Plan, how: &How, theme: Option<cli::Theme>) -> anyhow::Result<Outcome> {
    let live = tui::start(plan, how, theme)?;
    let done = run(plan, how, &mut |event| live.take(event));
    let frame = live.end();
    print::err(&frame.unwrap_or_default());
    Ok(done?)
}

pub(super) fn code(outcome: &Outcome) -> u8 {
    match outcome.verdict {
        _ if outcome.broken_off => exit::INTERRUPTED,
        Verdict::Pass => exit::PASS,
        Verdict::Unknown => exit::UNKNOWN,
        Verdict::Fail => exit::BROKEN,
    }
}

fn plans(args: &cli::Run) -> anyhow::Result<Vec<(Plan, String)>> {
    let overrides = Overrides {
        duration: args.duration.as_deref().map(str::parse).transpose().context("--duration")?,
        rate: args.rate.as_deref().map(str::parse).transpose().context("--rate")?,
        set: args.set.clone(),
    };
    let all = library::ALL.iter().map(|(name, _)| (*name).to_owned());
    let names: Vec<String> = if args.all { all.collect() } else { args.scenarios.clone() };
    let settle = |name: String| {
        let plan = library::find(&name).and_then(|source| Plan::settle(&source, &overrides)).map_err(with_caret)?;
        Ok((plan, name))
    };
    names.into_iter().map(settle).collect()
}

/// The command that performs exactly this run again.
fn repeat(args: &cli::Run, name: &str, agent: Agent, seed: u64) -> String {
    let mut words = vec!["tailproof".to_owned(), "run".to_owned(), quoted(name), format!("--seed {seed}")];
    if agent != Agent::Builtin {
        words.push(format!("--agent {}", agent.name()));
    }
    words.extend(args.defect.as_ref().map(|id| format!("--defect {id}")));
    words.extend(args.duration.as_ref().map(|d| format!("--duration {}", quoted(d))));
    words.extend(args.rate.as_ref().map(|r| format!("--rate {}", quoted(r))));
    words.extend(args.set.iter().map(|set| format!("--set {}", quoted(set))));
    if args.out.as_os_str() != cli::OUT {
        words.push(format!("--out {}", quoted(&args.out.display().to_string())));
    }
    words.join(" ")
}

/// As a shell takes it for one word.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+".contains(c);
    if word.chars().all(plain) && !word.is_empty() {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Different for each run, and short enough to be typed.
#[expect(clippy::disallowed_methods, reason = "a run without --seed takes its seed from the clock and prints it")]
pub(super) fn fresh_seed() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    since.as_micros() as u64 % 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_command_survives_the_shell() {
        assert_eq!(quoted("load.group.0.rate=5k/s"), "load.group.0.rate=5k/s");
        assert_eq!(quoted("it's 5"), r"'it'\''s 5'");
        assert_eq!(quoted(""), "''");
    }
}
