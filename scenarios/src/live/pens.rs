//! Who writes the file of a stream: the writers, or the front end whose log it is.

use std::{path::Path, sync::Arc, time::Duration};

use loadgen::{
    front::Server,
    write::{Ticket, Writers},
};
use results::identity::StreamId;

/// All who write files.
#[derive(Debug, Clone)]
pub(super) struct Pens {
    pub(super) writers: Arc<Writers>,
    /// Front ends, each with the stream that stands for its log.
    pub(super) fronts: Vec<(StreamId, Arc<Server>)>,
}

impl Pens {
    fn front(&self, stream: StreamId) -> Option<&Server> {
        self.fronts.iter().find(|(lead, _)| *lead == stream).map(|(_, front)| &**front)
    }

    /// The size of the file a stream has open, bytes; `None` while none is open.
    pub(super) fn file_size(&self, stream: StreamId) -> Option<u64> {
        match self.front(stream) {
            Some(front) => front.file_size(),
            None => self.writers.file_size(stream),
        }
    }

    /// Closes the file of a stream; its records wait.
    pub(super) fn close(&self, stream: StreamId) -> Ticket {
        match self.front(stream) {
            Some(front) => front.close(),
            None => self.writers.close(stream),
        }
    }

    /// Opens `path`, then closes the old file; what is in the new one must arrive under `label`.
    pub(super) fn reopen_as(&self, stream: StreamId, path: &Path, label: Option<String>) -> Ticket {
        let path = Some(path.to_owned());
        match self.front(stream) {
            Some(front) => front.reopen_as(path, label, Duration::ZERO),
            None => self.writers.reopen_as(stream, path, label, Duration::ZERO),
        }
    }
}
