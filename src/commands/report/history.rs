//! `report --history`: what became of all the runs in a folder, over time.

use std::path::Path;

use dashboards::{display::display_whole, history, html, text::units};
use results::run::manifests;

use super::give;
use crate::{cli, exit, print, screen};

pub(super) fn perform(folder: &Path, args: &cli::Report) -> anyhow::Result<u8> {
    let (runs, unread) = manifests(folder)?;
    let trends = history::trends(runs.into_iter().filter_map(|(_, manifest)| manifest.outcome));
    let name = display_whole(&folder.display().to_string());
    if trends.is_empty() {
        anyhow::bail!("{name} holds no judged run; name a folder of runs, such as {}", cli::OUT);
    }
    let mut given = false;
    if let Some(file) = &args.html {
        give(file.as_ref(), &html::trends(&trends, &name, unread))?;
        given = true;
    }
    if let Some(file) = &args.markdown {
        give(file.as_ref(), &history::markdown(&trends))?;
        given = true;
    }
    if let Some(file) = &args.json {
        give(file.as_ref(), &history::lines(&trends))?;
        given = true;
    }
    if let Some(file) = &args.svg {
        give(Some(file), &history::picture(&trends))?;
        given = true;
    }
    if !given {
        print::out(&history::render(&trends, screen::style()));
        if unread > 0 {
            print::err(&format!(
                "left out: {} in {name}, without a run that can be read\n",
                units::count(unread as u64)
            ));
        }
    }
    Ok(exit::PASS)
}
