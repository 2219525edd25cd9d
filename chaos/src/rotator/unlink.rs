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
