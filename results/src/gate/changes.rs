//! Which kinds of findings are new, which are gone, which stayed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Facts;

/// Where a kind of finding was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// In new runs only.
    New,
    /// In old runs only.
    Gone,
    /// In both.
    Unchanged,
}

/// A kind of finding on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingChange {
    /// Which kind: `lost: inode-reuse`.
    pub kind: String,
    /// Where it was seen.
    pub seen: Seen,
    /// Old runs that had it.
    pub old_runs: usize,
    /// New runs that had it.
    pub new_runs: usize,
    /// The first sentence about it, of a new run if there is one.
    pub example: String,
}

/// All kinds, the new ones first.
pub(super) fn changes(old: &[Facts], new: &[Facts]) -> Vec<FindingChange> {
    let mut kinds: BTreeMap<&str, (usize, usize, &str)> = BTreeMap::new();
    for (side, runs) in [(1, new), (0, old)] {
        for (kind, example) in runs.iter().flat_map(|run| &run.findings) {
            let entry = kinds.entry(kind).or_insert((0, 0, example));
            *(if side == 1 { &mut entry.1 } else { &mut entry.0 }) += 1;
        }
    }
    let seen = |old, new| match (old, new) {
        (0, _) => Seen::New,
        (_, 0) => Seen::Gone,
        _ => Seen::Unchanged,
    };
    let mut changes: Vec<FindingChange> = kinds
        .into_iter()
        .map(|(kind, (old_runs, new_runs, example))| FindingChange {
            kind: kind.to_owned(),
            seen: seen(old_runs, new_runs),
            old_runs,
            new_runs,
            example: example.to_owned(),
        })
        .collect();
    changes.sort_by(|left, right| left.seen.cmp(&right.seen).then_with(|| left.kind.cmp(&right.kind)));
    changes
}
