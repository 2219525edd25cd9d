//! `completions`: what a shell offers when Tab is pressed.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::{cli::Cli, exit, print};

pub(crate) fn perform(shell: Shell) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "tailproof", &mut script);
    print::out(&String::from_utf8_lossy(&script));
    Ok(exit::PASS)
}
