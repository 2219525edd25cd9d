//! Every stream: how far its writer and its deliveries are, how fast both move, and the file it is written to.

use results::{
    event::{Event, Generation, GenerationEnd, Stall, StreamSample, What},
    identity::StreamId,
};

/// Rates are taken over at least this, microseconds.
const RATE_OVER_US: u64 = 1_000_000;

/// The streams of a run; index = stream.
#[derive(Debug, Clone, Default)]
pub struct Streams {
    rows: Vec<Row>,
    /// When the streams were last looked at, and two earlier looks to take rates from.
    looked_us: u64,
    older: (u64, Vec<StreamSample>),
    newer: (u64, Vec<StreamSample>),
}

/// One stream.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// Its name, as it is: to be escaped where it is shown.
    pub name: String,
    /// Records written.
    pub written: u64,
    /// Distinct records delivered.
    pub delivered: u64,
    /// Records written a second.
    pub offered_per_s: f64,
    /// Records delivered a second.
    pub delivered_per_s: f64,
    /// Which file of the stream is written to.
    pub generation: Option<u32>,
    /// Its inode number.
    pub inode: u64,
    /// True if an earlier file of the stream had the same number.
    pub inode_reused: bool,
    /// Its path.
    pub path: String,
    /// Since when the stream stands, microseconds, if it does.
    pub stalled_us: Option<u64>,
    first_seq: u64,
    /// Bytes and records of the files that were closed: the size of a record.
    closed: (u64, u64),
    /// The inode numbers of its last files.
    inodes: Vec<u64>,
}

/// What a stream does, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doing {
    /// It stopped.
    Stalled,
    /// There is something to read, and nothing arrives.
    Waiting,
    /// Records arrive.
    Reading,
    /// Everything that was written has arrived.
    AtEnd,
}

impl Doing {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stalled => "stalled",
            Self::Waiting => "waiting",
            Self::Reading => "reading",
            Self::AtEnd => "at end",
        }
    }
}

/// Inode numbers remembered for each stream.
const MOST_INODES: usize = 64;

impl Row {
    /// Records written and not delivered.
    pub fn lag(&self) -> u64 {
        self.written.saturating_sub(self.delivered)
    }

    /// What it does.
    pub fn doing(&self) -> Doing {
        match self {
            row if row.stalled_us.is_some() => Doing::Stalled,
            row if row.lag() == 0 => Doing::AtEnd,
            row if row.delivered_per_s > 0.0 => Doing::Reading,
            _ => Doing::Waiting,
        }
    }

    /// How far the current file is read and how large it is, bytes, reckoned from the mean record: of this stream, else
    /// `mean`.
    pub fn read_of_size(&self, mean: u64) -> (u64, u64) {
        let (bytes, records) = self.closed;
        let mean = bytes.checked_div(records).unwrap_or(mean);
        let of = |seq: u64| seq.saturating_sub(self.first_seq).saturating_mul(mean);
        (of(self.delivered), of(self.written))
    }
}

impl Streams {
    /// All streams; index = stream.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many stand still.
    pub fn stalled(&self) -> usize {
        self.rows.iter().filter(|row| row.stalled_us.is_some()).count()
    }

    /// Takes in one event.
    pub(super) fn fold(&mut self, event: &Event) {
        match &event.what {
            What::Begun(names) => {
                for (at, name) in names.iter().enumerate().take(usize::from(u16::MAX) + 1) {
                    self.row(StreamId(at as u16)).name.clone_from(name);
                }
            }
            What::Streams(samples) => self.sample(event.t_us, samples),
            What::GenerationOpened(generation) => self.opened(generation),
            What::GenerationClosed(end) => self.closed(end),
            What::Stall(Stall { stream, from_us, until_us }) => {
                self.row(*stream).stalled_us = until_us.is_none().then_some(*from_us);
            }
            _ => {}
        }
    }

    fn row(&mut self, stream: StreamId) -> &mut Row {
        let at = usize::from(stream.0);
        while self.rows.len() <= at {
            let name = format!("stream {}", self.rows.len());
            self.rows.push(Row { name, ..Row::default() });
        }
        &mut self.rows[at]
    }

    fn sample(&mut self, t_us: u64, samples: &[StreamSample]) {
        let samples = &samples[..samples.len().min(usize::from(u16::MAX) + 1)];
        self.looked_us = t_us;
        if let Some(last) = samples.len().checked_sub(1) {
            self.row(StreamId(last as u16));
        }
        let seconds = t_us.saturating_sub(self.older.0) as f64 / 1e6;
        for (at, (row, now)) in self.rows.iter_mut().zip(samples).enumerate() {
            let then = self.older.1.get(at).copied().unwrap_or_default();
            let per_s = |now: u64, then: u64| {
                if seconds > 0.0 { now.saturating_sub(then) as f64 / seconds } else { 0.0 }
            };
            (row.written, row.delivered) = (now.0, now.1);
            row.offered_per_s = per_s(now.0, then.0);
            row.delivered_per_s = per_s(now.1, then.1);
        }
        if t_us >= self.newer.0.saturating_add(RATE_OVER_US) {
            // Between one and two seconds of rates, from two copies however often the streams are looked at.
            self.older = std::mem::replace(&mut self.newer, (t_us, samples.to_vec()));
        }
    }

    fn opened(&mut self, generation: &Generation) {
        let row = self.row(generation.stream);
        row.generation = Some(generation.generation);
        row.inode = generation.file.inode;
        row.inode_reused = row.inodes.contains(&row.inode);
        if row.inodes.len() == MOST_INODES {
            row.inodes.remove(0);
        }
        row.inodes.push(row.inode);
        row.path.clone_from(&generation.path);
        row.first_seq = generation.first_seq;
    }

    fn closed(&mut self, end: &GenerationEnd) {
        let row = self.row(end.stream);
        let records = end.end_seq.saturating_sub(row.first_seq);
        row.closed = (row.closed.0.saturating_add(end.bytes), row.closed.1.saturating_add(records));
    }
}
