//! What other threads ask of a writer, and the ticket that tells when it is done.

use std::{
    fs::File,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use thiserror::Error;

/// Why a request to a writer was not fulfilled.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum TicketError {
    /// Not done in time.
    #[error("wait for a writer: not done within {0:?}; its disk may hang, look at the errors of the load")]
    TimedOut(Duration),
    /// The writer tried and failed.
    #[error("{0}")]
    Failed(String),
    /// The load ended first.
    #[error("wait for a writer: the load was stopped before it got there")]
    Stopped,
}

type Slot = (Mutex<Option<Result<(), TicketError>>>, Condvar);

/// A request that was handed in.
#[derive(Debug, Clone)]
#[must_use = "wait for it, or drop it on purpose"]
pub struct Ticket(Arc<Slot>);

impl Ticket {
    /// Waits until the request is done.
    pub fn wait(&self, timeout: Duration) -> Result<(), TicketError> {
        let (slot, bell) = &*self.0;
        let slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let (slot, _) =
            bell.wait_timeout_while(slot, timeout, |done| done.is_none()).unwrap_or_else(PoisonError::into_inner);
        slot.clone().unwrap_or(Err(TicketError::TimedOut(timeout)))
    }
}

/// The writer's half of a ticket; dropped unanswered, it says that the load has stopped.
#[derive(Debug)]
pub(crate) struct Done(Arc<Slot>);

impl Done {
    pub(crate) fn new() -> (Self, Ticket) {
        let slot = Arc::new((Mutex::new(None), Condvar::new()));
        (Self(Arc::clone(&slot)), Ticket(slot))
    }

    pub(crate) fn tell(&self, result: Result<(), String>) {
        self.set(result.map_err(TicketError::Failed));
    }

    fn set(&self, result: Result<(), TicketError>) {
        let mut slot = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.get_or_insert(result);
        self.0.1.notify_all();
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        self.set(Err(TicketError::Stopped));
    }
}

/// A file to be opened, and when.
#[derive(Debug)]
pub(crate) struct Reopen {
    pub(crate) path: Option<PathBuf>,
    pub(crate) label: Option<String>,
    pub(crate) at_us: u64,
    pub(crate) done: Done,
}

/// What is asked of a writer.
#[derive(Debug)]
pub(crate) enum Command {
    Reopen(Reopen),
    Close(Done),
    Hold(Done),
    Release(Done),
}

/// What a writer and its askers share.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    waiting: AtomicBool,
    commands: Mutex<Vec<Command>>,
    /// The open file, so that its size can be asked for; the writer takes it back when it closes it.
    pub(crate) file: Mutex<Option<Arc<File>>>,
}

impl Desk {
    pub(crate) fn ask(&self, command: Command) {
        lock(&self.commands).push(command);
        self.waiting.store(true, Ordering::Release);
    }

    /// What was asked since the last call; free while nothing was.
    pub(crate) fn take(&self) -> Vec<Command> {
        if self.waiting.load(Ordering::Relaxed) && self.waiting.swap(false, Ordering::AcqRel) {
            std::mem::take(&mut *lock(&self.commands))
        } else {
            Vec::new()
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
