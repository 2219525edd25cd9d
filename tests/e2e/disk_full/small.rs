//! A disk of a few MiB in a mount namespace of its own: nobody else sees it, and it goes with the process that holds it.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::support::ci;

/// As root, or as root of a namespace of users.
const WAYS: [(&[&str], &[&str]); 2] = [
    (&["--mount"], &["--mount"]),
    (&["--user", "--map-root-user", "--mount"], &["--user", "--preserve-credentials", "--mount"]),
];

/// A small disk; dropping it takes it away.
pub(super) struct SmallDisk {
    holder: Child,
    enter: &'static [&'static str],
    at: PathBuf,
}

impl SmallDisk {
    /// Mounts one of `size`, as tmpfs takes it, at a path that is made for it; none, and a word why, where the system
    /// allows no such thing.
    pub(super) fn mount(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let script = r#"mount -t tmpfs -o "size=$2" tailproof "$1" && echo mounted && exec sleep 600"#;
        for (unshare, enter) in WAYS {
            let mut command = Command::new("unshare");
            command.args(unshare).args(["sh", "-c", script, "sh"]).arg(at).arg(size);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
            let Ok(mut holder) = command.spawn() else { continue };
            let mut said = String::new();
            BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
            let disk = Self { holder, enter, at: at.to_owned() };
            if said == "mounted\n" {
                return Some(disk);
            }
        }
        assert!(!ci(), "no disk of its own can be mounted here: util-linux and a mount namespace are needed");
        println!("skipped: no disk of its own can be mounted here");
        None
    }

    /// What stands before a program that is to see the disk.
    pub(super) fn enter(&self) -> Vec<String> {
        let target = self.holder.id().to_string();
        let words = [&["nsenter"], self.enter, &["--target", target.as_str(), "--"]].concat();
        words.into_iter().map(str::to_owned).collect()
    }

    /// A path on the disk, as this process sees it.
    pub(super) fn seen(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(path.strip_prefix("/").expect("paths are absolute"))
    }

    fn ballast(&self) -> PathBuf {
        self.seen(&self.at.join("ballast"))
    }

    /// Takes every byte that is left.
    pub(super) fn fill(&self) {
        let mut file: File = OpenOptions::new().create(true).append(true).open(self.ballast()).unwrap();
        for size in [64 << 10, 4096, 1] {
            while file.write(&vec![0; size]).is_ok_and(|written| written > 0) {}
        }
    }

    /// Gives them back.
    pub(super) fn make_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
