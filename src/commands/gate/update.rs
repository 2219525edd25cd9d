//! `gate --update`: writes baselines, with who, when and at which commit.

use std::{collections::BTreeMap, process::Command};

use results::gate::{
    Baseline, BaselineError, Calibration, Written,
    baseline::{load, store},
};

use super::{Groups, path_of};
use crate::{cli, exit, print};

/// Proposed rules of each scenario and agent.
pub(super) type Rules = BTreeMap<(String, String), Vec<Calibration>>;

pub(super) fn perform(args: &cli::Gate, groups: &Groups, rules: Option<&Rules>) -> anyhow::Result<u8> {
    let written =
        Written { by: by(), at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), commit: commit() };
    // All are made before the first is written: a refusal leaves every file as it was.
    let mut made = Vec::new();
    for (key, runs) in groups {
        let path = path_of(args, key);
        let before = match load(&path) {
            Ok(before) => Some(before),
            Err(BaselineError::Absent { .. }) => None,
            Err(error @ BaselineError::Invalid { .. }) => {
                print::error(&error.into());
                print::err("tailproof: it is written anew with the usual rules\n");
                None
            }
            Err(error) => return Err(error.into()),
        };
        let mut baseline = Baseline::of(runs, before.as_ref(), written.clone(), args.accept_broken)?;
        for row in rules.and_then(|rules| rules.get(key)).into_iter().flatten() {
            if let Some(held) = baseline.metrics.get_mut(&row.metric) {
                held.rule = row.rule;
            }
        }
        made.push((path, baseline, runs.len()));
    }
    for (path, baseline, runs) in made {
        store(&path, &baseline)?;
        let said = format!(
            "tailproof gate=UPDATED exit=0 scenario={} agent={} runs={runs} rules={} baseline={}\n",
            dashboards::display::display_word(&baseline.scenario),
            dashboards::display::display_word(&baseline.agent),
            baseline.ruled(),
            dashboards::display::display_word(&path.display().to_string())
        );
        if args.json { print::err(&said) } else { print::out(&said) }
    }
    Ok(exit::PASS)
}

/// Seconds since 1970.
pub(super) fn unix_seconds() -> u64 {
    jiff::Timestamp::now().as_second().unsigned_abs()
}

fn by() -> String {
    let (name, mail) = (git(&["config", "user.name"]), git(&["config", "user.email"]));
    if mail.is_empty() { name } else { format!("{name} <{mail}>") }
}

fn commit() -> String {
    git(&["rev-parse", "HEAD"])
}

/// What git says, or nothing: a baseline can be written where there is no git, too.
fn git(args: &[&str]) -> String {
    let output = Command::new("git").args(args).stdin(std::process::Stdio::null()).output();
    let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).trim().chars().take(200).collect()
}
