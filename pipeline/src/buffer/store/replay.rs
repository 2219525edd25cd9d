//! Back from the segments into the lanes.

use std::{
    fs::File,
    io::{self, Read as _, Seek, SeekFrom},
    path::Path,
    sync::Arc,
};

use super::{Store, Stored, record};
use crate::parse::Batch;

/// A piece of a segment that is being read.
#[derive(Debug)]
pub(super) struct Reader {
    first: u64,
    /// Where `bytes` begin in the file.
    base: u64,
    bytes: Vec<u8>,
    at: usize,
}

impl Store {
    /// Whether a lane has everything before batch `seq` in memory; then it takes that from there as well.
    pub(in crate::buffer) fn hand(&mut self, lane: usize, seq: u64) -> bool {
        let lane = &mut self.lanes[lane];
        let handed = lane.loaded == seq;
        if handed {
            lane.loaded = seq + 1;
            lane.reader = None;
        }
        handed
    }

    /// Whether a lane has not got everything in memory.
    pub(in crate::buffer) fn is_behind(&self, lane: usize) -> bool {
        self.lanes[lane].loaded < self.next
    }

    /// Bytes on disk that a lane has not taken, about.
    pub(in crate::buffer) fn bytes(&self, lane: usize) -> u64 {
        self.lanes[lane].bytes
    }

    /// The next batches of a lane, about `most` bytes of them; those that `wants` refuses are passed over.
    pub(in crate::buffer) fn load(
        &mut self,
        lane: usize,
        most: usize,
        wants: &dyn Fn(&str) -> bool,
    ) -> Vec<Arc<Batch>> {
        let (mut out, mut left) = (Vec::new(), most);
        while left > 0 && self.lanes[lane].loaded < self.next {
            let seq = self.lanes[lane].loaded;
            if let Some(held) = self.held.get(&seq) {
                let batch = Arc::clone(held);
                self.lanes[lane].loaded += 1;
                if wants(&batch.tag) {
                    left = left.saturating_sub(batch.carried().max(1));
                    out.push(batch);
                }
                continue;
            }
            let Some((read, bytes)) = self.read(lane) else { continue };
            if read.lost > 0 {
                self.counters.damaged += u64::from(read.lost);
                let segment = self.segments.range(..=read.seq).next_back().map(|(first, _)| self.path(*first));
                tracing::error!(segment = ?segment, records = read.lost, "damaged on disk: lost");
            }
            self.lanes[lane].loaded = read.seq + 1;
            let mut batch = read.batch;
            (batch.origin, batch.stored) = (self.origin(read.seq), Some(Stored { seq: read.seq, bytes }));
            if !batch.is_empty() && wants(&batch.tag) {
                left = left.saturating_sub(batch.carried().max(1));
                out.push(Arc::new(batch));
            }
        }
        out
    }

    /// Reads the next batch of a lane, whose number is its `loaded` or higher; `None` moves `loaded` on.
    fn read(&mut self, lane: usize) -> Option<(record::Read, u64)> {
        let wanted = self.lanes[lane].loaded;
        // A number that the disk refused, and that was taken from memory since, is in no segment.
        let held = self.held.range(wanted..).next().map_or(self.next, |(seq, _)| *seq);
        let found = self.segments.range(..=wanted).next_back().filter(|(_, segment)| segment.end > wanted);
        let Some((&first, segment)) = found else {
            let next = self.segments.range(wanted..).next().map_or(self.next, |(first, _)| *first);
            self.lanes[lane].loaded = next.min(held).max(wanted + 1).min(self.next);
            return None;
        };
        let start = segment.starts.partition_point(|(seq, _)| *seq < wanted);
        let start = segment.starts.get(start).map_or(0, |(_, at)| *at);
        let (end, path) = (segment.end, self.path(first));
        let reader = match self.lanes[lane].reader.take().filter(|reader| reader.first == first) {
            Some(reader) => reader,
            None => Reader { first, base: start, bytes: Vec::new(), at: 0 },
        };
        let (read, reader) = read_on(&path, reader, wanted);
        self.lanes[lane].reader = Some(reader);
        match read {
            Some((read, bytes)) if read.seq < held && read.seq < end => Some((read, bytes)),
            _ => {
                // Nothing more in this segment: what is missing in it is gone.
                self.lanes[lane].reader = None;
                self.lanes[lane].loaded = end.min(held).max(wanted + 1).min(self.next);
                None
            }
        }
    }
}

/// Reads on from where a reader is: the next batch with a number of at least `wanted`, and its length.
fn read_on(path: &Path, mut reader: Reader, wanted: u64) -> (Option<(record::Read, u64)>, Reader) {
    let mut fresh = false;
    loop {
        while let Some(read) = record::read(&reader.bytes, reader.at, true) {
            let bytes = (read.end - reader.at) as u64;
            reader.at = read.end;
            if read.seq >= wanted {
                return (Some((read, bytes)), reader);
            }
        }
        if fresh {
            return (None, reader);
        }
        // The segment may have grown since; what was read of it ends with a whole batch.
        reader.base += reader.at as u64;
        (reader.bytes, reader.at, fresh) = (Vec::new(), 0, true);
        let mut fill = || -> io::Result<()> {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(reader.base))?;
            file.take(64 << 20).read_to_end(&mut reader.bytes).map(drop)
        };
        if let Err(error) = fill() {
            tracing::error!(segment = ?path, %error, "cannot read a segment");
            return (None, reader);
        }
    }
}
