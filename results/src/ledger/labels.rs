//! Where records must arrive: under which path, on which output stream.

use crate::identity::StreamId;

/// Which output stream the records of a writer go to. A pure rule, shared by the generator and the judge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputRule {
    /// All to stdout.
    #[default]
    Stdout,
    /// All to stderr.
    Stderr,
    /// Sequences n−1, 2n−1, … to stderr, the others to stdout. 0 means none.
    EveryNthStderr(u32),
}

impl OutputRule {
    /// True if a record goes to stderr.
    pub fn is_stderr(self, seq: u64) -> bool {
        match self {
            Self::Stdout => false,
            Self::Stderr => true,
            Self::EveryNthStderr(n) => n > 0 && seq % u64::from(n) == u64::from(n) - 1,
        }
    }

    /// The label a record must carry: `stdout` or `stderr`.
    pub fn label(self, seq: u64) -> &'static str {
        if self.is_stderr(seq) { "stderr" } else { "stdout" }
    }
}

/// What records must be labelled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The path under which the agent sees the file, as it will name it.
    pub path: String,
}

/// What a record was labelled with when it arrived; `None` is not checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen<'a> {
    /// The path it claims to come from.
    pub path: Option<&'a [u8]>,
    /// The output stream it claims to come from.
    pub output: Option<&'a [u8]>,
}

/// The expected paths of all streams.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    /// Per stream: from which sequence on which path holds, ascending.
    streams: Vec<Vec<(u64, String)>>,
    /// Per stream: whether an empty label says that nobody knows.
    may_lack: Vec<bool>,
}

impl Paths {
    pub(crate) fn new(streams: usize) -> Self {
        Self { streams: vec![Vec::new(); streams], may_lack: vec![false; streams] }
    }

    pub(crate) fn set(&mut self, stream: StreamId, from_seq: u64, labels: Labels) {
        let Some(paths) = self.streams.get_mut(usize::from(stream.0)) else { return };
        paths.retain(|(from, _)| *from < from_seq);
        paths.push((from_seq, labels.path));
    }

    pub(crate) fn may_lack(&mut self, stream: StreamId) {
        if let Some(may_lack) = self.may_lack.get_mut(usize::from(stream.0)) {
            *may_lack = true;
        }
    }

    /// The parts of `from..to` that must not be labelled with `path`.
    pub(crate) fn misplaced(&self, stream: u16, from: u64, to: u64, path: &[u8]) -> Vec<std::ops::Range<u64>> {
        let paths = &self.streams[usize::from(stream)];
        let may_lack = self.may_lack[usize::from(stream)];
        let mut parts = Vec::new();
        for (at, (start, expected)) in paths.iter().enumerate().rev() {
            let until = paths.get(at + 1).map_or(u64::MAX, |next| next.0);
            let part = from.max(*start)..to.min(until);
            let is_right = expected.as_bytes() == path || (may_lack && path.is_empty());
            if !part.is_empty() && !is_right {
                parts.push(part);
            }
            if *start <= from {
                break;
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_nth_goes_to_stderr() {
        let rule = OutputRule::EveryNthStderr(3);
        assert_eq!((0..6).map(|seq| rule.is_stderr(seq)).collect::<Vec<_>>(), [false, false, true, false, false, true]);
        assert!(!OutputRule::EveryNthStderr(0).is_stderr(0));
    }

    #[test]
    fn a_path_holds_until_the_next_one() {
        let mut paths = Paths::new(1);
        paths.set(StreamId(0), 0, Labels { path: "a".into() });
        paths.set(StreamId(0), 10, Labels { path: "b".into() });
        let misplaced =
            |stream, from, to, path: &[u8]| crate::ranges::sentence(paths.misplaced(stream, from, to, path), 9);
        assert_eq!(misplaced(0, 5, 15, b"a"), "10–14");
        assert_eq!(misplaced(0, 5, 15, b"b"), "5–9");
        assert_eq!(misplaced(0, 5, 15, b"c"), "10–14, 5–9");
        assert_eq!(misplaced(0, 12, 15, b"b"), "");
    }

    #[test]
    fn an_empty_label_is_right_only_where_nobody_needs_to_know() {
        let mut paths = Paths::new(2);
        for stream in [StreamId(0), StreamId(1)] {
            paths.set(stream, 0, Labels { path: "uid".into() });
        }
        paths.may_lack(StreamId(1));
        let misplaced = |stream, label: &[u8]| paths.misplaced(stream, 0, 5, label).into_iter().flatten().count();
        assert_eq!(misplaced(0, b""), 5);
        assert_eq!(misplaced(1, b""), 0);
        assert_eq!(misplaced(1, b"other"), 5);
    }
}
