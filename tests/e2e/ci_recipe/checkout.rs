//! A clean clone of this repository with a base and a change on top of it, as a runner finds them; and what stands in for cargo.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::support::{ci, executable, place, program};

/// What the recipes consist of: taken as they lie here, whether or not they are committed yet.
const RECIPE: [&str; 4] =
    [".github/workflows/tailproof.yml", "docs/ci.md", "docs/gate-in-turn.sh", "docs/gitlab-ci.yml"];

/// Names the defect that the stand-in for cargo builds in.
const PLANTED: &str = "PLANTED";

/// A clone on a branch of one change.
pub(super) struct Checkout {
    place: TempDir,
}

impl Checkout {
    /// Clones. `None`, said aloud, where this tree is no repository.
    pub(super) fn new() -> Option<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        if !here.join(".git").exists() {
            assert!(!ci(), "this tree is no git repository, and CI=true asks for every test");
            println!("skipped: this tree is no git repository, so there is nothing to clone");
            return None;
        }
        let checkout = Self { place: place() };
        let clone = checkout.folder();
        fs::create_dir_all(clone.parent().unwrap()).unwrap();
        git(here, &["clone", "--quiet", "--no-hardlinks", ".", &clone.display().to_string()]);
        for file in RECIPE {
            fs::copy(here.join(file), clone.join(file)).unwrap();
        }
        Some(checkout)
    }

    /// The work tree. Its parent is empty otherwise, as on a runner.
    pub(super) fn folder(&self) -> PathBuf {
        self.place.path().join("work/tailproof")
    }

    /// Commits all that changed; the commit.
    pub(super) fn commit(&self, message: &str) -> String {
        let folder = self.folder();
        git(&folder, &["add", "--all"]);
        git(&folder, &["commit", "--quiet", "--allow-empty", "-m", message]);
        git(&folder, &["rev-parse", "HEAD"])
    }

    /// Lets the stand-in for cargo build a defect into what it builds from here on.
    pub(super) fn plant(&self, defect: &str) {
        fs::write(self.folder().join(PLANTED), defect).unwrap();
    }

    /// Changes the source: `old`, which stands there once, becomes `new`.
    pub(super) fn edit(&self, file: &str, old: &str, new: &str) {
        let path = self.folder().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(old).count(), 1, "{file} no longer says {old:?} once; plant the bug elsewhere");
        fs::write(path, text.replace(old, new)).unwrap();
    }

    /// A file outside of the work tree, such as a runner keeps.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// A folder with a stand-in for cargo, to be put first in PATH: instead of compiling it hands out the program that these
    /// tests were built with, and refuses what no recipe asks cargo for.
    pub(super) fn instead_of_cargo(&self) -> PathBuf {
        let folder = self.beside("bin");
        fs::create_dir_all(&folder).unwrap();
        let script = CARGO.replace("@PROGRAM@", &program().display().to_string()).replace("@PLANTED@", PLANTED);
        executable(&folder.join("cargo"), &script);
        folder
    }
}

const CARGO: &str = r#"#!/bin/sh
set -eu
case "$*" in
  "build --release" | "build --release --bin tailproof") ;;
  *) echo "cargo $*: no recipe asks for that" >&2; exit 101 ;;
esac
[ -f Cargo.toml ] || { echo "no Cargo.toml in $PWD" >&2; exit 101; }
out=${CARGO_TARGET_DIR:-target}/release
mkdir -p "$out"
defect=
[ ! -f @PLANTED@ ] || defect="--defect $(cat @PLANTED@)"
cat > "$out/tailproof" <<END
#!/bin/sh
if [ "\$1" = run ]; then exec "@PROGRAM@" "\$@" $defect; fi
exec "@PROGRAM@" "\$@"
END
chmod +x "$out/tailproof"
"#;

/// What git says; it has to succeed.
fn git(folder: &Path, args: &[&str]) -> String {
    // Whose files they are and who commits is nobody's business here.
    let whose =
        ["safe.directory=*", "user.name=A Contributor", "user.email=someone@example.org", "commit.gpgsign=false"];
    let mut command = Command::new("git");
    for setting in whose {
        command.args(["-c", setting]);
    }
    let output = command.args(args).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
