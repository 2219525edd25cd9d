//! What the lanes show: every figure over the time of the run, in bounded memory.
//!
//! ```text
//!  column    0        1        2            511      each: min, max and mean of every series,
//!         |--w--|  |--w--|  |--w--| ...  |--w--|           how often each kind of mark, which faults in force
//! ```
//! A column lasts `w`. When the run outgrows the last one, neighbours are merged in pairs and `w` doubles: an hour takes the
//! memory of a minute, and a spike of one second is still there as the maximum of its column.

use std::ops::Range;

/// Columns kept.
pub const COLUMNS: usize = 512;
/// How long a column lasts at first, microseconds.
const FIRST_WIDTH_US: u64 = 100_000;

/// A figure over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Series {
    /// Records written a second.
    Offered,
    /// Records delivered a second.
    Delivered,
    /// Records written and not delivered.
    Backlog,
    /// Delivery latency, median, microseconds.
    P50,
    /// 90 in 100.
    P90,
    /// 99 in 100.
    P99,
    /// 999 in 1000.
    P999,
    /// Largest.
    Max,
    /// CPU of the agent, cores.
    Cpu,
    /// Resident memory of the agent, bytes.
    Rss,
    /// Files the agent holds open.
    OpenFiles,
    /// Share of time in which the agent was throttled.
    Throttled,
}

const SERIES: usize = Series::Throttled as usize + 1;

/// Something that happens at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A writer was brought to a new file.
    Rotation,
    /// A compressed copy was completed.
    Archive,
    /// A link was created.
    Swap,
    /// A fault began.
    Fault(Family),
    /// Something was found.
    Finding,
}

const MARKS: usize = 4 + Family::ALL.len();

/// What a fault is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// The sink of the agent.
    Sink,
    /// The agent's process.
    Process,
    /// Load and files, by hand.
    Hand,
}

impl Family {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 3] = [Self::Sink, Self::Process, Self::Hand];

    /// The family of a fault by its name in the scenario file.
    pub fn of(fault: &str) -> Self {
        match fault {
            name if name.contains("agent") => Self::Process,
            name if name.starts_with("hand_") && !name.contains("sink") => Self::Hand,
            _ => Self::Sink,
        }
    }

    /// The name of its lane.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sink => "sink",
            Self::Process => "process",
            Self::Hand => "by hand",
        }
    }
}

impl Mark {
    fn index(self) -> usize {
        match self {
            Self::Rotation => 0,
            Self::Archive => 1,
            Self::Swap => 2,
            Self::Finding => 3,
            Self::Fault(family) => 4 + family as usize,
        }
    }
}

/// What a series was within a stretch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stat {
    /// Least.
    pub min: f64,
    /// Largest.
    pub max: f64,
    sum: f64,
    count: f64,
}

impl Stat {
    fn one(value: f64) -> Self {
        Self { min: value, max: value, sum: value, count: 1.0 }
    }

    /// The mean over the stretch.
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1.0)
    }

    fn join(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let (Some(one), Some(other)) = (one, other) else { return one.or(other) };
        Some(Self {
            min: one.min.min(other.min),
            max: one.max.max(other.max),
            sum: one.sum + other.sum,
            count: one.count + other.count,
        })
    }
}

/// A stretch of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Column {
    stats: [Option<Stat>; SERIES],
    marks: [u32; MARKS],
    /// The first letter of the last fault of each family that began here; 0: none.
    letters: [u8; Family::ALL.len()],
    /// Families with a fault in force, as bits.
    in_force: u8,
}

impl Column {
    /// What a series was; `None`: nothing was measured.
    pub fn stat(&self, series: Series) -> Option<Stat> {
        self.stats[series as usize]
    }

    /// How often something happened.
    pub fn count(&self, mark: Mark) -> u32 {
        self.marks[mark.index()]
    }

    /// The first letter of the last fault of a family that began here.
    pub fn letter(&self, family: Family) -> Option<char> {
        Some(self.letters[family as usize]).filter(|letter| *letter != 0).map(char::from)
    }

    /// Whether a fault of a family was in force.
    pub fn is_in_force(&self, family: Family) -> bool {
        self.in_force & 1 << family as u8 != 0
    }

    fn join(&mut self, later: &Self) {
        for (stat, other) in self.stats.iter_mut().zip(later.stats) {
            *stat = Stat::join(*stat, other);
        }
        for (mark, other) in self.marks.iter_mut().zip(later.marks) {
            *mark = mark.saturating_add(other);
        }
        for (letter, other) in self.letters.iter_mut().zip(later.letters) {
            *letter = if other == 0 { *letter } else { other };
        }
        self.in_force |= later.in_force;
    }
}

/// The figures of a run over its time.
#[derive(Debug, Clone)]
pub struct History {
    width_us: u64,
    columns: Vec<Column>,
}

impl Default for History {
    fn default() -> Self {
        Self { width_us: FIRST_WIDTH_US, columns: Vec::new() }
    }
}

impl History {
    /// A series had this value from one moment to another.
    pub fn value(&mut self, series: Series, from_us: u64, until_us: u64, value: f64) {
        if !value.is_finite() {
            return;
        }
        for column in self.stretch(from_us, until_us) {
            let stat = &mut column.stats[series as usize];
            *stat = Stat::join(*stat, Some(Stat::one(value)));
        }
    }

    /// Something happened.
    pub fn mark(&mut self, mark: Mark, at_us: u64) {
        for column in self.stretch(at_us, at_us) {
            let count = &mut column.marks[mark.index()];
            *count = count.saturating_add(1);
        }
    }

    /// A fault began.
    pub fn fault(&mut self, family: Family, name: &str, at_us: u64) {
        self.mark(Mark::Fault(family), at_us);
        let name = name.strip_prefix("hand_").unwrap_or(name);
        let letter = name.bytes().next().filter(u8::is_ascii_alphanumeric).unwrap_or(b'!').to_ascii_uppercase();
        for column in self.stretch(at_us, at_us) {
            column.letters[family as usize] = letter;
        }
    }

    /// A fault of a family was in force from one moment to another.
    pub fn in_force(&mut self, family: Family, from_us: u64, until_us: u64) {
        for column in self.stretch(from_us, until_us) {
            column.in_force |= 1 << family as u8;
        }
    }

    /// What was between two moments, as one column. What happened at a moment counts where its column begins, so that
    /// it is found in one stretch only, however short the stretches are.
    pub fn between(&self, from_us: u64, until_us: u64) -> Column {
        let (first, last) = (from_us / self.width_us, until_us.max(from_us.saturating_add(1)).div_ceil(self.width_us));
        let within = (first as usize).min(self.columns.len())..(last as usize).min(self.columns.len());
        let mut all = Column::default();
        for (at, column) in (first..).zip(&self.columns[within]) {
            if at.saturating_mul(self.width_us) >= from_us {
                all.join(column);
            } else {
                all.join(&Column { marks: [0; MARKS], letters: [0; Family::ALL.len()], ..*column });
            }
        }
        all
    }

    /// The columns of a stretch; at least one.
    fn stretch(&mut self, from_us: u64, until_us: u64) -> &mut [Column] {
        let until_us = until_us.max(from_us);
        while until_us / self.width_us >= COLUMNS as u64 {
            self.merge();
        }
        // What is true until a moment on the border says nothing of the column behind it.
        let last = (until_us.saturating_sub(1)).max(from_us) / self.width_us;
        let range: Range<usize> = (from_us / self.width_us) as usize..last as usize + 1;
        if self.columns.len() < range.end {
            self.columns.resize(range.end, Column::default());
        }
        &mut self.columns[range]
    }

    fn merge(&mut self) {
        let merged = self.columns.chunks(2).map(|pair| {
            let mut column = pair[0];
            pair.iter().skip(1).for_each(|later| column.join(later));
            column
        });
        self.columns = merged.collect();
        self.width_us = self.width_us.saturating_mul(2);
    }
}

#[cfg(test)]
mod tests;
