//! `watch`: the dashboard over stored runs, and over runs that another program performs.

use std::path::Path;

use anyhow::Context;
use dashboards::tui::{
    app::moment,
    replay::Replay,
    watch::{Begin, Left, Watched, watch},
};
use results::{
    event::{Event, What},
    run::{Follow, RunState, StoredRun},
};

use super::replicates;
use crate::{cli, exit, interrupt, print, tui};

pub(crate) fn perform(args: &cli::Watch) -> anyhow::Result<u8> {
    let at_us = args.at.as_deref().map(|at| {
        moment(at).with_context(|| format!("--at {at}: no time; write seconds, or minutes and seconds such as 2:40"))
    });
    let begin = Begin { at_us: at_us.transpose()?, speed: args.speed };
    let open = |name: &String| open(&replicates::folder(Path::new(name), Path::new(cli::OUT))?);
    let runs = args.runs.iter().map(open).collect::<anyhow::Result<_>>()?;
    let look = tui::look(args.theme)?;
    let stop = interrupt::watch()?;
    match watch(runs, begin, look, &stop)? {
        Left::Quit(frame) => {
            print::out(&frame.unwrap_or_default());
            Ok(exit::PASS)
        }
        Left::Stopped => Ok(exit::INTERRUPTED),
    }
}

fn open(folder: &Path) -> anyhow::Result<Watched> {
    let mut stored = StoredRun::open(folder)?;
    let about = tui::about(&stored);
    if stored.manifest.state == RunState::Running && stored.manifest.bench.lives() {
        let mut follow = Follow::open(folder)?;
        return Ok(Watched {
            replay: Replay::new(about, follow.read()?),
            // A timeline that became unreadable has no more to tell.
            more: Some(Box::new(move || follow.read().unwrap_or_default())),
        });
    }
    let judged = stored.events.iter().any(|event| matches!(event.what, What::Judged(_)));
    if !judged {
        // Its bench was killed: what it leaves is judged now.
        let t_us = stored.events.iter().map(|event| event.t_us).max().unwrap_or(0);
        let outcome = stored.outcome()?;
        stored.events.push(Event { t_us, what: What::Judged(Box::new(outcome)) });
    }
    Ok(Watched { replay: Replay::new(about, stored.events), more: None })
}
