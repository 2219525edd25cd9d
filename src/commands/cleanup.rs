//! `cleanup`: undo what killed runs left behind.

use std::path::Path;

use scenarios::live::sweep;

use crate::{cli, exit, print};

pub(crate) fn perform(out: &Path) -> anyhow::Result<u8> {
    let (mut swept, searches) = (sweep(out), scenarios::capacity::sweep(Path::new(cli::SEARCHES)));
    swept.runs += searches.runs;
    swept.processes += searches.processes;
    swept.folders += searches.folders;
    print::out(&format!(
        "{} unfinished run(s) closed as broken off, {} process(es) ended, {} work folder(s) and {} folder(s) of sockets removed\n",
        swept.runs, swept.processes, swept.folders, swept.sockets
    ));
    Ok(exit::PASS)
}
