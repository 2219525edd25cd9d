//! Ctrl-C and SIGTERM: the first asks the run to break off and keep its books, the second ends at once.
//! SIGUSR1 asks for the full status.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::Context;
use dashboards::tui::terminal;
use nix::sys::signal::{SigSet, Signal};

use crate::exit;

const BREAKS_OFF: &str = "\ntailproof: breaking off, the books are being closed; once more ends at once\n";

/// Set by SIGUSR1 until the screen has answered.
static STATUS: AtomicBool = AtomicBool::new(false);

/// True once for each time somebody asked for the status.
pub(crate) fn status_was_asked() -> bool {
    STATUS.load(Ordering::Relaxed) && STATUS.swap(false, Ordering::Relaxed)
}

/// Catches the signals from now on; must be called before any thread is started, since threads inherit the mask.
pub(crate) fn watch() -> anyhow::Result<Arc<AtomicBool>> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGUSR1);
    signals.thread_block().context("cannot block signals")?;
    let asked = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&asked);
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            while let Ok(signal) = signals.wait() {
                if signal == Signal::SIGUSR1 {
                    STATUS.store(true, Ordering::Relaxed);
                    continue;
                }
                // Said first: once it is asked for, the program may be over before this thread goes on. The dashboard says so itself.
                if !flag.load(Ordering::Relaxed) && !terminal::is_taken() {
                    crate::print::err(BREAKS_OFF);
                }
                ask(&flag);
            }
        })
        .context("cannot start the signal thread")?;
    Ok(asked)
}

/// Asks the run to break off; asked again, ends at once.
pub(crate) fn ask(flag: &AtomicBool) {
    if flag.swap(true, Ordering::Relaxed) {
        end_at_once();
    }
}

/// Children are on a leash: the kernel ends them with us.
#[expect(clippy::disallowed_methods, reason = "the user asked twice; the run folder is readable at any moment")]
fn end_at_once() -> ! {
    terminal::restore();
    std::process::exit(i32::from(exit::INTERRUPTED))
}
