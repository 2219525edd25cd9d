//! Live files that go away unread: somebody removes the file, or the whole pod is deleted.

use std::path::{Path, PathBuf};

use super::{name_of, wait};
use crate::{listing::Listing, step::Step};

/// The live file is unlinked while its writer still has it open; `gap_ms` milliseconds later the writer opens a new one.
/// What is written in between goes into the file without a name.
pub fn remove_live(log: &Path, gap_ms: u64) -> Vec<Step> {
    let mut steps = vec![Step::Unlink { path: log.to_owned() }];
    steps.extend(wait(gap_ms));
    steps.push(Step::Reopen { path: log.to_owned(), truncate: false });
    steps
}

/// The pod is deleted: its container ends, every file of it goes, and then the links that now dangle.
pub fn delete_pod(listing: &Listing, log: &Path, links: &[PathBuf]) -> Vec<Step> {
    let base = name_of(log);
    let mut steps = vec![Step::Close];
    let files = listing.names().filter(|name| *name == base).chain(listing.beginning_with(&base));
    steps.extend(files.map(|name| Step::Unlink { path: log.with_file_name(name) }));
    steps.extend(links.iter().map(|link| Step::Unlink { path: link.clone() }));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::lines;

    #[test]
    fn the_name_goes_first_and_the_writer_follows_late() {
        let got = lines(&remove_live(Path::new("a/0.log"), 4));
        assert_eq!(got, ["unlink a/0.log", "wait 4 ms", "reopen a/0.log"]);
    }

    #[test]
    fn a_deleted_pod_takes_its_files_and_then_its_links() {
        let listing = ["0.log", "0.log.20260130-142501.gz", "other"].iter().collect();
        let got = lines(&delete_pod(&listing, Path::new("a/0.log"), &["c/a.log".into()]));
        assert_eq!(got, ["close", "unlink a/0.log", "unlink a/0.log.20260130-142501.gz", "unlink c/a.log"]);
    }
}
