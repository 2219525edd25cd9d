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

/// Records are made on one thread and freed on another; with the system's allocator the two wait for each other's arena
/// (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
