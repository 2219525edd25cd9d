//! A sender in the place of Filebeat: it follows a log by its schedule, and sends each event until it is acknowledged.
//!
//! ```text
//! due ▸ reserved ▸ sent ▸ window ─▶ agent          "2W" window:u32
//!            written ◀─ the first try went out     "2J" sequence:u32 length:u32 JSON …      or "2C" length:u32 zlib(frames)
//!       next window ◀─ "2A" sequence:u32           what is not acknowledged is sent again on a new connection
//! ```
//! A record counts as written once it was handed to the connection for the first time: from then on the agent owes it, because
//! the sender goes on until it is acknowledged. What never was when the load ends is booked as lost at the source.

#[cfg(test)]
mod tests;
mod wire;
mod work;

use std::{net::SocketAddr, sync::Arc, thread::JoinHandle};

use results::{identity::StreamId, ledger::Ledger};

use crate::{
    clock::RunClock,
    write::{Lateness, LoadPlan, LoadReport, WriteError, reins::Reins},
};

/// What one sender is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeatsPlan {
    /// Whose records.
    pub stream: StreamId,
    /// The pod that they are of.
    pub name: String,
    /// Where to.
    pub to: SocketAddr,
    /// Events a window at most, 1 at least.
    pub window: u32,
    /// Whether windows are compressed.
    pub compress: bool,
}

/// A running sender. Dropping it stops it.
#[derive(Debug)]
pub struct BeatsSender {
    reins: Arc<Reins>,
    thread: Option<JoinHandle<()>>,
}

impl BeatsSender {
    /// Sends from now on, on the schedule that `load` has for the stream.
    ///
    /// # Panics
    /// If the load has no such stream.
    pub fn start(plan: BeatsPlan, load: &LoadPlan, ledger: Arc<Ledger>, clock: RunClock) -> Result<Self, WriteError> {
        let reins = Arc::new(Reins::default());
        let work = work::Work::new(plan, load, ledger, clock, Arc::clone(&reins));
        let thread = std::thread::Builder::new()
            .name("load-beats".into())
            .spawn(move || work.run())
            .map_err(WriteError::Thread)?;
        Ok(Self { reins, thread: Some(thread) })
    }

    /// From now on the schedule runs at `factor` times its pace; 0 pauses it.
    pub fn set_rate(&self, factor: f64) {
        self.reins.set_rate(factor);
    }

    /// How late it was so far; while the agent does not acknowledge, nothing is late.
    pub fn late(&self) -> Lateness {
        self.reins.late.read()
    }

    /// Sends nothing new any more, waits a moment for what is not acknowledged, and tells what was done.
    pub fn stop(mut self) -> LoadReport {
        self.end();
        self.reins.report(Vec::new())
    }

    fn end(&mut self) {
        self.reins.stop();
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic was reported on stderr by itself.
            drop(thread.join());
        }
    }
}

impl Drop for BeatsSender {
    fn drop(&mut self) {
        self.end();
    }
}
