//! `report`: stored runs again, in the forms that people and pipelines read.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use dashboards::{html, junit, markdown, report::Report, since::Since, svg, text::runs};
use results::outcome::Outcome;

use super::replicates;
use crate::{cli, exit, print, screen};

mod find;
mod history;

/// The page's name in a run folder.
const PAGE: &str = "report.html";

pub(crate) fn perform(args: &cli::Report) -> anyhow::Result<u8> {
    if let Some(folder) = &args.history {
        return history::perform(folder, args);
    }
    let mut folders = Vec::new();
    for run in &args.runs {
        folders.push(replicates::folder(run, &args.out)?);
    }
    let secrets = args.redact.iter().copied().collect();
    let mut reports = Vec::new();
    for folder in &folders {
        reports.push(find::report(folder, &secrets)?);
    }
    let forms = [&args.html, &args.markdown, &args.junit, &args.json];
    if forms.iter().all(|form| form.is_none()) && args.svg.is_none() {
        print::out(&told(&reports));
        return Ok(exit::PASS);
    }
    if let Some(file) = &args.html {
        let to = match (file, &folders[..]) {
            (Some(file), _) => Some(file.clone()),
            // The folder keeps the page that tells everything.
            (None, _) if !args.redact.is_empty() => {
                bail!("write a page that is to be passed on: name a file, as in --html page.html")
            }
            (None, [folder]) => Some(folder.join(PAGE)),
            (None, _) => bail!("write the page of several runs: name a file, as in --html side-by-side.html"),
        };
        let page = if let [report] = &reports[..] { html::page(report) } else { html::comparison(&reports) };
        give(to.as_ref(), &page)?;
    }
    if let Some(file) = &args.markdown {
        give(file.as_ref(), &markdown::render(&reports))?;
    }
    if let Some(file) = &args.junit {
        give(file.as_ref(), &junit::render(&reports)?)?;
    }
    if let Some(file) = &args.json {
        give(file.as_ref(), &lines(&reports)?)?;
    }
    if let Some(file) = &args.svg {
        let [report] = &reports[..] else {
            bail!("draw several runs: --svg takes one; --html puts several side by side")
        };
        give(Some(file), &svg::render(report))?;
    }
    Ok(exit::PASS)
}

/// Writes the page of a run into its folder; a page that cannot be written takes nothing from the verdict.
/// Returns what changed from the run before.
pub(super) fn keep(outcome: &Outcome) -> Option<Since> {
    let folder = Path::new(&outcome.run);
    let written = find::report(folder, &BTreeSet::new()).and_then(|report| {
        write(&folder.join(PAGE), &html::page(&report))?;
        Ok(report.since)
    });
    written.unwrap_or_else(|error| {
        print::error(&error.context(format!("the run is judged, but its page is missing from {}", folder.display())));
        None
    })
}

/// One run in full; several in a table.
fn told(reports: &[Report]) -> String {
    match reports {
        [report] => screen::verdict(&report.outcome, &report.contract, report.since.as_ref()),
        _ => runs::render(reports, screen::style()),
    }
}

fn lines(reports: &[Report]) -> anyhow::Result<String> {
    let mut out = String::new();
    for report in reports {
        out.push_str(&serde_json::to_string(&report.outcome)?);
        out.push('\n');
    }
    Ok(out)
}

/// To the file, or to standard output where there is none or it is `-`.
fn give(file: Option<&PathBuf>, text: &str) -> anyhow::Result<()> {
    match file {
        None => print::out(text),
        Some(file) if file.as_os_str() == "-" => print::out(text),
        Some(file) => {
            write(file, text)?;
            print::err(&format!("written: {}\n", dashboards::display::display_whole(&file.display().to_string())));
        }
    }
    Ok(())
}

pub(super) fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| format!("cannot write {}; name another file", file.display()))
}
