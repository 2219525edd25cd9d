//! The terminal while the dashboard has it: taken by a guard, given back as it was on every way out.
//!
//! Raw mode, the alternate screen and the hidden cursor are undone by dropping the guard, by the panic hook (before the message
//! is printed, whichever thread panics) and by [`restore`], which a signal thread calls before it ends the process.

use std::{
    io::{self, BufWriter, Stderr, Write},
    panic,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    crossterm::{
        cursor::{Hide, Show},
        execute,
        terminal::{Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
};

/// Bytes of a frame that are gathered before they are written.
const FRAME: usize = 1 << 16;

/// True while the terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// Why the dashboard cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// The terminal did not obey.
    #[error("show the dashboard: {0}; it needs a terminal, use --ui text elsewhere")]
    Terminal(#[from] io::Error),
}

/// The terminal, drawn on through standard error: standard output is for what scripts read.
pub(super) type Screen = Terminal<CrosstermBackend<BufWriter<Stderr>>>;

/// Holds the terminal.
pub(super) struct Guard {
    pub(super) screen: Screen,
}

impl Guard {
    /// Takes the terminal.
    pub(super) fn take() -> Result<Self, TerminalError> {
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                restore();
                before(info);
            }));
        });
        // From here on whoever fails gives it back.
        TAKEN.store(true, Ordering::SeqCst);
        let screen = enable_raw_mode()
            .and_then(|()| execute!(io::stderr(), EnterAlternateScreen, Clear(ClearType::All), Hide))
            // One write a frame: standard error alone would make it one a cell.
            .and_then(|()| Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(FRAME, io::stderr()))));
        screen.map(|screen| Self { screen }).map_err(|error| {
            restore();
            error.into()
        })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// True while the dashboard has the terminal; a panic in any thread gives it back at once.
pub fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

/// Gives the terminal back as it was, if it is ours. From any thread, as often as one likes.
pub fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stderr();
        // A terminal that is gone cannot be restored, and need not be.
        let _ = execute!(out, Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
        let _ = out.flush();
    }
}

#[cfg(test)]
mod tests;
