//! The real binary as a child process: started, signalled, waited for with a deadline, never allowed to panic.

use std::{
    fs::File,
    os::unix::{fs::FileExt, process::ExitStatusExt},
    path::Path,
    process::{Child, Command, Stdio},
};

use loadgen::clock::RunClock;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::LOOK;

/// The program under test.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tailproof"))
}

/// A program that is running; dropping it ends it.
pub(crate) struct Running {
    pub(crate) child: Child,
    command: String,
    stdout: File,
    stderr: File,
    clock: RunClock,
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Exit code, or 128 and the signal.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) seconds: f64,
    pub(crate) command: String,
}

impl Ended {
    /// Whether its errors say `words`, wherever they are broken into lines, after a hyphen or a slash too: that follows from how
    /// long the paths in them are.
    pub(crate) fn complains_of(&self, words: &str) -> bool {
        let whole = |text: &str| flowed(text).replace("- ", "-").replace("/ ", "/");
        self.stderr.contains(words) || whole(&self.stderr).contains(&whole(words))
    }
}

/// A text without its line breaks, and without the bars that errors have at the head of a continued line.
pub(crate) fn flowed(text: &str) -> String {
    text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

/// Starts the program under test.
pub(crate) fn start<S: AsRef<str>>(args: &[S]) -> Running {
    let args: Vec<&str> = args.iter().map(AsRef::as_ref).collect();
    let mut command = Command::new(program());
    command.args(&args);
    start_command(command, format!("tailproof {}", args.join(" ")))
}

/// Starts a program of any kind.
pub(crate) fn start_command(mut command: Command, called: String) -> Running {
    super::seconds::begin();
    let file = || tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (stdout, stderr) = (file(), file());
    command.stdin(Stdio::null()).stdout(stdout.try_clone().unwrap()).stderr(stderr.try_clone().unwrap());
    let child = command.spawn().unwrap_or_else(|error| panic!("{called}: {error}"));
    Running { child, command: called, stdout, stderr, clock: RunClock::start() }
}

impl Running {
    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// What it wrote to standard output so far.
    pub(crate) fn stdout(&self) -> String {
        text(&self.stdout)
    }

    /// What it wrote to standard error so far.
    pub(crate) fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// True once it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end, for so many seconds at most from now on, however long it has run, and makes sure that it did not panic.
    pub(crate) fn wait(mut self, seconds: u64) -> Ended {
        let until_us = self.clock.now_us() + seconds * 1_000_000;
        while !self.has_ended() {
            if self.clock.now_us() > until_us {
                let said = self.stderr();
                panic!("{}: still running after {seconds} s\n{said}", self.command);
            }
            self.clock.park_until(self.clock.now_us() + LOOK);
        }
        let seconds = self.clock.now_us() as f64 / 1e6;
        let status = self.child.wait().unwrap();
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        let (stdout, stderr) = (text(&self.stdout), text(&self.stderr));
        assert!(!stderr.contains("panicked at"), "{}: panicked\n{stderr}", self.command);
        Ended { code, stdout, stderr, seconds, command: self.command.clone() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Read without moving the place in the file: the program that writes it shares that place.
fn text(file: &File) -> String {
    let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
    let mut filled = 0;
    while filled < bytes.len() {
        let read = file.read_at(&mut bytes[filled..], filled as u64).unwrap();
        assert!(read > 0, "the file became shorter");
        filled += read;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Runs the program under test to its end, within a minute.
pub(crate) fn tailproof<S: AsRef<str>>(args: &[S]) -> Ended {
    start(args).wait(60)
}

impl Ended {
    /// Panics unless it ended with this code.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, stdout, stderr, seconds, command } = self;
        write!(f, "{command}\nexit {code} after {seconds:.1} s\n{}\n{}", last(stdout, 20), last(stderr, 30))
    }
}

/// The last lines of a text.
pub(crate) fn last(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
