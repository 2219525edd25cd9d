//! `man`: the manual pages, one for the program and one for each verb.

use std::path::Path;

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use dashboards::display::display_whole;

use crate::{cli::Cli, exit, print};

pub(crate) fn perform(out: Option<&Path>) -> anyhow::Result<u8> {
    let mut command = Cli::command();
    command.build();
    let Some(folder) = out else {
        print::out(&page(&command)?);
        return Ok(exit::PASS);
    };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make {}; name another folder", folder.display()))?;
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help");
    let pages = verbs.map(|verb| {
        // Once built, a verb shows itself as `tailproof-run`.
        (format!("tailproof-{}", verb.get_name()), verb.clone())
    });
    for (name, command) in std::iter::once(("tailproof".to_owned(), command.clone())).chain(pages) {
        let path = folder.join(format!("{name}.1"));
        std::fs::write(&path, page(&command)?).with_context(|| format!("cannot write {}", path.display()))?;
        print::out(&format!("{}\n", display_whole(&path.display().to_string())));
    }
    Ok(exit::PASS)
}

fn page(command: &Command) -> anyhow::Result<String> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
