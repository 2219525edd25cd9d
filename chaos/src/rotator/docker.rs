//! Docker's json-file driver: close, shift the numbers, create, compress at leisure.
//!
//! ```text
//!  close   live
//!  unlink  live.(N−1)[.gz]
//!  rename  live.(i−1)[.gz] → live.i[.gz]      for i = N−1 … 2
//!  rename  live → live.1                      N = 1: unlink live
//!  reopen  live, cut to nothing, without O_APPEND
//!  later:  gzip live.1 → live.1.gz            visible while incomplete
//!          unlink live.1                      frees an inode number
//! ```
//! The driver waits for the previous compression before it rotates again; so must the caller with
//! [`Rotation::later`], or a generation is renamed over.

use std::path::{Path, PathBuf};

use super::{Rotation, name_of, suffixed};
use crate::{listing::Listing, step::Step};

/// One rotation of `log` in a directory that holds `listing`. `max_file` counts the live file; 0 is taken as 1.
/// With `max_file` 1 there is nothing to compress.
pub fn rotate(listing: &Listing, log: &Path, max_file: usize, compress: bool) -> Rotation {
    let reopen = Step::Reopen { path: log.to_owned(), truncate: true };
    if max_file < 2 {
        return Rotation { steps: vec![Step::Close, Step::Unlink { path: log.to_owned() }, reopen], later: Vec::new() };
    }
    let numbered = |n: usize| suffixed(log, if compress { format!(".{n}.gz") } else { format!(".{n}") });
    let there = |path: &PathBuf| listing.has(&name_of(path));
    let mut steps = vec![Step::Close];
    steps.extend(Some(numbered(max_file - 1)).filter(there).map(|path| Step::Unlink { path }));
    for n in (2..max_file).rev() {
        steps.extend(Some(numbered(n - 1)).filter(there).map(|from| Step::Rename { from, to: numbered(n) }));
    }
    let first = suffixed(log, ".1");
    steps.push(Step::Rename { from: log.to_owned(), to: first.clone() });
    steps.push(reopen);
    let later = if compress {
        vec![Step::Compress { from: first.clone(), to: numbered(1) }, Step::Unlink { path: first }]
    } else {
        Vec::new()
    };
    Rotation { steps, later }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::lines;

    fn rotated(names: &[&str], max_file: usize, compress: bool) -> (Vec<String>, Vec<String>) {
        let rotation = rotate(&names.iter().collect(), Path::new("c-json.log"), max_file, compress);
        (lines(&rotation.steps), lines(&rotation.later))
    }

    #[test]
    fn the_chain_moves_up_from_the_top_and_the_archive_comes_later() {
        let names = ["c-json.log", "c-json.log.1.gz", "c-json.log.2.gz"];
        let (steps, later) = rotated(&names, 3, true);
        assert_eq!(
            steps,
            [
                "close",
                "unlink c-json.log.2.gz",
                "rename c-json.log.1.gz -> c-json.log.2.gz",
                "rename c-json.log -> c-json.log.1",
                "reopen c-json.log from nothing",
            ]
        );
        assert_eq!(later, ["compress c-json.log.1 -> c-json.log.1.gz", "unlink c-json.log.1"]);
    }

    #[test]
    fn a_name_that_is_not_there_is_not_renamed() {
        let (steps, later) = rotated(&["c-json.log", "c-json.log.2"], 5, false);
        assert_eq!(
            steps,
            [
                "close",
                "rename c-json.log.2 -> c-json.log.3",
                "rename c-json.log -> c-json.log.1",
                "reopen c-json.log from nothing",
            ]
        );
        assert!(later.is_empty());
    }

    #[test]
    fn with_one_file_the_live_one_is_unlinked() {
        for max_file in [0, 1] {
            let (steps, later) = rotated(&["c-json.log"], max_file, true);
            assert_eq!(steps, ["close", "unlink c-json.log", "reopen c-json.log from nothing"]);
            assert!(later.is_empty());
        }
    }
}
