//! What a connection has sent and nobody has used yet: bounded, and read only when there is room in the pipeline.

use std::{io, time::Duration};

use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

use crate::input::intake::Intake;

/// Why nothing more comes from a peer.
#[derive(Debug, Error)]
pub(crate) enum InboxError {
    /// It has ended, in order.
    #[error("the peer has closed the connection")]
    Over,
    /// It has ended within a message.
    #[error("the peer closed the connection within a message; it will send it again")]
    Torn,
    /// It was silent for too long.
    #[error("the peer was silent for {0:?}; it may connect again")]
    Silent(Duration),
    /// The pipeline is about to stop.
    #[error("the pipeline stops")]
    Stopped,
    /// The connection failed.
    #[error("{0}")]
    Broken(#[from] io::Error),
}

/// First room for what a peer sends, bytes; doubled as needed.
const FIRST: usize = 16 << 10;

/// The bytes of one connection.
#[derive(Debug)]
pub(crate) struct Inbox<R> {
    from: R,
    bytes: Vec<u8>,
    /// Everything before it is used.
    start: usize,
    end: usize,
    idle: Duration,
    intake: Intake,
}

impl<R: AsyncRead + Unpin> Inbox<R> {
    /// The bytes that come `from` a peer that may be silent for `idle`.
    pub(crate) fn new(from: R, idle: Duration, intake: Intake) -> Self {
        Self { from, bytes: Vec::new(), start: 0, end: 0, idle, intake }
    }

    /// What has come and is not used.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The first `n` of them are used.
    pub(crate) fn used(&mut self, n: usize) {
        self.start += n;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            // A big message now and then is no reason to keep its room for every connection.
            if self.bytes.len() > 16 * FIRST {
                self.bytes = Vec::new();
            }
        }
    }

    /// Waits for more. A stop ends the wait at once, whatever has come of a message: it was not answered.
    pub(crate) async fn more(&mut self) -> Result<(), InboxError> {
        tokio::select! {
            biased;
            () = self.intake.stopped() => return Err(InboxError::Stopped),
            () = self.intake.room() => {}
        }
        self.make_room();
        let read = timeout(self.idle, self.from.read(&mut self.bytes[self.end..]));
        let n = tokio::select! {
            biased;
            () = self.intake.stopped() => return Err(InboxError::Stopped),
            read = read => read.map_err(|_| InboxError::Silent(self.idle))??,
        };
        if n == 0 {
            return Err(if self.bytes().is_empty() { InboxError::Over } else { InboxError::Torn });
        }
        self.end += n;
        self.intake.counters().bytes.fetch_add(n as u64, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }

    fn make_room(&mut self) {
        if self.start > 0 && self.end == self.bytes.len() {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.bytes.len() - self.end < FIRST / 2 {
            self.bytes.resize((2 * self.bytes.len()).max(FIRST), 0);
        }
    }
}
