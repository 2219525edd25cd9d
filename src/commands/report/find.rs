//! Reading what lies in the folder of a run, and what changed since the run before.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use dashboards::{
    display::display_whole,
    redact::{Secret, redact},
    report::{Beside, Report},
    since::Since,
};
use results::{
    gate::Facts,
    run::{RunState, StoredRun},
};

use crate::print;

mod processes;

/// Longest configuration or autopsy that is read, bytes.
const MOST: u64 = 256 << 10;
/// So much of the end of the agent's log, bytes.
const LOG_END: u64 = 16 << 10;
/// Runs before this one that are opened in search of one that is whole.
const MOST_LOOKED_AT: usize = 20;

/// What is known of the run in a folder, less what is secret. Books that cannot be read cost the losses their places, and no more.
pub(super) fn report(folder: &Path, secrets: &BTreeSet<Secret>) -> anyhow::Result<Report> {
    let mut stored = StoredRun::open(folder)?;
    if stored.manifest.state == RunState::Running && stored.manifest.bench.lives() {
        let name = display_whole(&folder.display().to_string());
        print::err(&format!(
            "tailproof: {name} is still under way; this is what there is so far, as if it ended here\n"
        ));
    }
    let books = stored.books().ok();
    let mut beside = Beside {
        agent_conf: start(&folder.join("agent.conf")).or_else(|| processes::configurations(folder, &stored)),
        agent_log: end(&folder.join("agent.log")).or_else(|| processes::logs(folder, &stored)),
        autopsy: start(&folder.join("autopsy.txt")).or_else(|| start(&folder.join("autopsy.json"))),
    };
    redact(&mut stored, &mut beside, books.as_ref().map_or(&[], |books| books.names()), secrets);
    let mut report = Report::new(&stored, books.as_ref(), beside)?;
    report.left_out = secrets.iter().copied().collect();
    // The run before has secrets of its own.
    report.since = if secrets.is_empty() { since(&stored) } else { None };
    Ok(report)
}

/// What changed from the last whole run of the same scenario and agent in the same folder of runs. A run before that cannot be
/// read is none.
fn since(now: &StoredRun) -> Option<Since> {
    let own = now.path.file_name()?.to_str()?;
    let folder = now.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let kind = format!("-{}-{}", now.manifest.scenario, now.manifest.agent);
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let mut earlier: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    earlier.retain(|name| name.as_str() < own && name.contains(&kind));
    earlier.sort();
    let now = Facts::of(now).ok()?;
    earlier.iter().rev().take(MOST_LOOKED_AT).find_map(|name| {
        let run = StoredRun::open(&folder.join(name)).ok()?;
        let alike = run.manifest.scenario == now.scenario && run.manifest.agent == now.agent;
        let whole = run.manifest.state == RunState::Complete;
        let before = (alike && whole).then(|| Facts::of(&run).ok()).flatten()?;
        Some(Since::between(name, &before, &now))
    })?
}

/// The beginning of a file; `None` where there is none. Only of a regular file: a pipe would never end.
fn start(path: &Path) -> Option<String> {
    read(path, |_| 0, MOST)
}

fn end(path: &Path) -> Option<String> {
    read(path, |length| length.saturating_sub(LOG_END), LOG_END)
}

fn read(path: &Path, from: impl Fn(u64) -> u64, most: u64) -> Option<String> {
    let meta = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::Start(from(meta.len()))).ok()?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
