//! What the tests of this crate share: folders on the file system of the build, steps as text, whether they may be skipped.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::step::Step;

/// A folder beside the build's output: `/tmp` may be a tmpfs, which never hands out an inode number twice.
pub(crate) fn folder() -> TempDir {
    let base = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/unit-tests");
    std::fs::create_dir_all(&base).unwrap();
    tempfile::tempdir_in(base.canonicalize().unwrap()).unwrap()
}

/// One line a step.
pub(crate) fn lines(steps: &[Step]) -> Vec<String> {
    steps.iter().map(ToString::to_string).collect()
}

/// True where every test is asked for: one that cannot be performed has failed there.
#[expect(clippy::disallowed_methods, reason = "where tests run is told by the environment")]
pub(crate) fn must_run() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}
