//! `gate`: are these runs worse than the baseline? Or: write the baseline, propose its rules.

mod update;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::bail;
use dashboards::gate::{calibration, github, github_log, gitlab_section, junit, last_line, markdown, render};
use results::gate::{
    BaselineError, Facts, GateDocument, GateReport,
    baseline::{file_name, load},
    calibrate, judge, judge_without_baseline,
};

use super::{
    replicates::{distinct, facts},
    report::write,
};
use crate::{
    cli::{self, Annotations},
    exit, print, screen,
};

/// Runs of one scenario and agent.
type Groups = BTreeMap<(String, String), Vec<Facts>>;

pub(crate) fn perform(args: &cli::Gate) -> anyhow::Result<u8> {
    let (new, reference) = (facts(&args.runs)?, facts(&args.reference)?);
    distinct(&[&new, &reference])?;
    let (groups, mut references) = (grouped(new), grouped(reference));
    if groups.len() > 1 && is_file(&args.baseline) {
        bail!(
            "the runs are of {} scenarios and agents, and {} is one baseline; name a folder of baselines, or runs of one scenario",
            groups.len(),
            args.baseline.display()
        );
    }
    if args.calibrate {
        return propose(args, &groups);
    }
    if args.update {
        return update::perform(args, &groups, None);
    }
    let mut reports = Vec::new();
    for (key, runs) in &groups {
        let beside = references.remove(key).unwrap_or_default();
        if beside.is_empty() && !args.reference.is_empty() {
            bail!("no reference run is of {}, agent {}; name some, or leave those runs out", key.0, key.1);
        }
        reports.push(one(runs, &beside, path_of(args, key), args)?);
    }
    if let Some((scenario, agent)) = references.keys().next() {
        bail!("a reference run is of {scenario}, agent {agent}, and no new run is; name some, or leave it out");
    }
    show(args, &GateDocument::of(reports))
}

fn one(runs: &[Facts], beside: &[Facts], path: PathBuf, args: &cli::Gate) -> anyhow::Result<GateReport> {
    match load(&path) {
        Ok(baseline) => Ok(judge(runs, &baseline, path, beside)?),
        Err(BaselineError::Absent { .. }) => {
            let named: Vec<String> =
                args.runs.iter().map(|run| super::run::quoted(&run.display().to_string())).collect();
            let at = super::run::quoted(&args.baseline.display().to_string());
            let command = format!("tailproof gate {} --update --baseline {at}", named.join(" "));
            Ok(judge_without_baseline(runs, path, &command)?)
        }
        Err(error) => Err(error.into()),
    }
}

fn show(args: &cli::Gate, document: &GateDocument) -> anyhow::Result<u8> {
    if let Some(path) = &args.markdown {
        write(path, &markdown(document))?;
    }
    if let Some(path) = &args.junit {
        write(path, &junit(document))?;
    }
    let annotations = whose(args.annotations);
    let text = render(document, screen::style());
    if args.json {
        print::out(&format!("{}\n", serde_json::to_string(document)?));
    } else if annotations == Annotations::Gitlab {
        print::out(&gitlab_section(document, &text, update::unix_seconds()));
    } else if annotations == Annotations::Github {
        // The fixed line stays the last one.
        let (table, _) = text.trim_end().rsplit_once('\n').unwrap_or_default();
        print::out(&format!("{}{}{}", github_log(table), github(document), github_log(&last_line(document))));
    } else {
        print::out(&text);
    }
    if args.json && annotations == Annotations::Github {
        print::err(&github(document));
    }
    Ok(document.exit)
}

/// Prints proposed rules; with `--update`, writes them.
fn propose(args: &cli::Gate, groups: &Groups) -> anyhow::Result<u8> {
    let mut rules = BTreeMap::new();
    for (key, runs) in groups {
        let rows = calibrate(runs)?;
        if args.json {
            let document = serde_json::json!({"schema": 1, "scenario": key.0, "agent": key.1, "runs": runs.len(), "metrics": rows});
            print::out(&format!("{document}\n"));
        } else {
            let name = dashboards::display::display(&key.0);
            print::out(&format!(
                "{name}: what {} runs differ by themselves\n{}",
                runs.len(),
                calibration(&rows, screen::style())
            ));
        }
        rules.insert(key.clone(), rows);
    }
    if args.update {
        return update::perform(args, groups, Some(&rules));
    }
    Ok(exit::PASS)
}

fn grouped(runs: Vec<Facts>) -> Groups {
    let mut groups = Groups::new();
    for run in runs {
        groups.entry((run.scenario.clone(), run.agent.clone())).or_default().push(run);
    }
    groups
}

fn is_file(baseline: &Path) -> bool {
    !baseline.is_dir() && baseline.extension().is_some_and(|ext| ext == "toml")
}

fn path_of(args: &cli::Gate, (scenario, agent): &(String, String)) -> PathBuf {
    if is_file(&args.baseline) { args.baseline.clone() } else { args.baseline.join(file_name(scenario, agent)) }
}

#[expect(clippy::disallowed_methods, reason = "src/ is where the environment is read")]
fn whose(asked: Annotations) -> Annotations {
    let set = |name: &str| std::env::var(name).is_ok_and(|value| value == "true");
    match asked {
        Annotations::Auto if set("GITHUB_ACTIONS") => Annotations::Github,
        Annotations::Auto if set("GITLAB_CI") => Annotations::Gitlab,
        Annotations::Auto => Annotations::None,
        asked => asked,
    }
}
