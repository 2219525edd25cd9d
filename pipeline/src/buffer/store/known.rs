//! Which records the process found in the newest segments: those that a source brings again are there already.
//!
//! A file is read again from its last checkpoint, at once after the start. A peer sends a chunk again when it pleases,
//! so what came from peers is remembered for as long as the process lives.

use std::collections::BTreeSet;

use crate::{chunk::mix_text, parse::Batch};

/// So much of new text after the start, and no file brings anything again, bytes.
const REMEMBERED: usize = 256 << 20;

/// Records by their ids and tags.
#[derive(Debug, Default)]
pub(super) struct Known {
    files: BTreeSet<u128>,
    peers: BTreeSet<u128>,
    /// Text of files that came since the start, bytes.
    came: usize,
}

impl Known {
    /// The records of a batch that was read from a segment.
    pub(super) fn add(&mut self, batch: &Batch) {
        let salt = mix_text(0, batch.tag.as_bytes());
        let of = if is_from_file(batch) { &mut self.files } else { &mut self.peers };
        of.extend((0..batch.len()).filter_map(|index| Some(batch.own_id(index)? ^ salt)));
    }

    /// Takes those records out of a batch that are here, each once; how many they were.
    pub(super) fn take_out(&mut self, batch: &mut Batch) -> u64 {
        let known = if is_from_file(batch) { &mut self.files } else { &mut self.peers };
        if known.is_empty() {
            return 0;
        }
        if is_from_file(batch) {
            self.came += batch.carried();
            if self.came > REMEMBERED {
                known.clear();
                return 0;
            }
        }
        let salt = mix_text(0, batch.tag.as_bytes());
        let again: Vec<bool> =
            (0..batch.len()).map(|index| batch.own_id(index).is_some_and(|id| known.remove(&(id ^ salt)))).collect();
        let count = again.iter().filter(|again| **again).count() as u64;
        if count > 0 {
            batch.retain(|index| !again[index]);
        }
        count
    }
}

/// Only files have a beginning that ids are counted from.
fn is_from_file(batch: &Batch) -> bool {
    batch.source.base != 0
}
