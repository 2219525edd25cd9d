//! `tailproof`: wires the rooms together and prints; it decides nothing.

use std::process::ExitCode;

use clap::Parser;

mod cli;
mod commands;
mod exit;
mod interrupt;
mod print;
mod screen;
mod tui;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; everything else is a misuse.
            let code = if error.use_stderr() { exit::MISUSE } else { exit::PASS };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match commands::perform(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            print::error(&error);
            ExitCode::from(exit::MISUSE)
        }
    }
}
