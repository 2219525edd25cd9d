//! What the tests share: starting the real binary with a deadline, one live run at a time, places on a real disk.

use std::{
    fs::File,
    io::{Read, Seek},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use loadgen::clock::RunClock;
use nix::{
    fcntl::{Flock, FlockArg},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use results::outcome::{Outcome, Verdict};
use tempfile::TempDir;

/// From one look at a condition to the next, microseconds.
const LOOK: u64 = 2_000;
/// A run that proves nothing because the machine was busy is performed so often in all.
const ATTEMPTS: u32 = 3;

/// True where the long forms are to run.
#[expect(clippy::disallowed_methods, reason = "the one place where these tests read the environment")]
pub(crate) fn ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}

/// A number for the short form, another for the long one; says which was taken.
pub(crate) fn short_or_long<T: std::fmt::Display>(what: &str, short: T, long: T) -> T {
    let (form, taken) = if ci() { ("long", long) } else { ("short (CI=true runs the long one)", short) };
    println!("{what}: {taken}, {form}");
    taken
}

/// The program under test.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_tailproof"))
}

/// A folder on the disk that the tree is built on: memory file systems behave otherwise.
pub(crate) fn place() -> TempDir {
    tempfile::Builder::new().prefix("e2e-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Whether inode numbers come back there; without that, runs that ask for it prove nothing.
pub(crate) fn reuses_inodes(folder: &Path) -> bool {
    use nix::sys::statfs::{BTRFS_SUPER_MAGIC, TMPFS_MAGIC, statfs};
    let kind = statfs(folder).unwrap().filesystem_type();
    kind != TMPFS_MAGIC && kind != BTRFS_SUPER_MAGIC
}

/// Held while a live run is under way.
pub(crate) struct Live {
    _others: Flock<File>,
    _threads: MutexGuard<'static, ()>,
}

/// Waits until no other live run is under way, in this process or another: two side by side would take each other's
/// inode numbers and time.
pub(crate) fn live() -> Live {
    static THREADS: Mutex<()> = Mutex::new(());
    let threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
    let file = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("live.lock")).unwrap();
    let others = Flock::lock(file, FlockArg::LockExclusive).unwrap_or_else(|(_, error)| panic!("{error}"));
    Live { _others: others, _threads: threads }
}

/// Waits until `done`; panics with what was waited for when `seconds` are over.
pub(crate) fn until(what: &str, seconds: u64, mut done: impl FnMut() -> bool) {
    let clock = RunClock::start();
    while !done() {
        assert!(clock.now_us() < seconds * 1_000_000, "{what}: not within {seconds} s");
        clock.park_until(clock.now_us() + LOOK);
    }
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

/// Starts the program under test.
pub(crate) fn start<S: AsRef<str>>(args: &[S]) -> Running {
    let args: Vec<&str> = args.iter().map(AsRef::as_ref).collect();
    let mut command = Command::new(program());
    command.args(&args);
    start_command(command, format!("tailproof {}", args.join(" ")))
}

/// Starts a program of any kind.
pub(crate) fn start_command(mut command: Command, called: String) -> Running {
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

    /// What it wrote to standard error so far.
    pub(crate) fn stderr(&mut self) -> String {
        text(&mut self.stderr)
    }

    /// True once it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end, for so many seconds at most, and makes sure that it did not panic.
    pub(crate) fn wait(mut self, seconds: u64) -> Ended {
        use std::os::unix::process::ExitStatusExt;
        while !self.has_ended() {
            let late = self.clock.now_us() > seconds * 1_000_000;
            if late {
                let said = self.stderr();
                panic!("{}: still running after {seconds} s\n{said}", self.command);
            }
            self.clock.park_until(self.clock.now_us() + LOOK);
        }
        let seconds = self.clock.now_us() as f64 / 1e6;
        let status = self.child.wait().unwrap();
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        let (stdout, stderr) = (text(&mut self.stdout), text(&mut self.stderr));
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

fn text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
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

/// A run that was judged.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) outcome: Outcome,
    pub(crate) ended: Ended,
}

/// Performs `tailproof run` with these arguments into `out` and reads the document it prints. A run that proves
/// nothing because this machine did not keep the pace is performed again, and said to be.
pub(crate) fn run(scenario: &str, more: &[&str], out: &Path) -> Judged {
    let out = out.display().to_string();
    let mut args = vec!["run", scenario, "--json", "--out", &out];
    args.extend(more);
    for attempt in 1.. {
        let ended = start(&args).wait(180);
        let outcome: Outcome =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("no document: {error}\n{ended}"));
        assert_eq!(ended.code, i32::from(outcome.exit), "{ended}");
        let busy = outcome.unknown_because.iter().any(|why| why.contains("keep its pace"));
        if !(busy && outcome.verdict == Verdict::Unknown && attempt < ATTEMPTS) {
            return Judged { outcome, ended };
        }
        println!("{}: attempt {attempt} proved nothing: {}", ended.command, outcome.unknown_because.join("; "));
    }
    unreachable!("the last attempt returns")
}

impl std::fmt::Display for Judged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { outcome, ended } = self;
        writeln!(f, "verdict {:?}, exit {}, seed {}", outcome.verdict, outcome.exit, outcome.seed)?;
        writeln!(f, "again: {}", outcome.repeat)?;
        writeln!(f, "books: {:?}", outcome.books)?;
        for line in outcome.findings.iter().chain(&outcome.unknown_because) {
            writeln!(f, "  {line}")?;
        }
        for cause in &outcome.causes {
            writeln!(f, "  {} {} {} ×{}: {}", cause.stream, cause.verdict, cause.cause, cause.count, cause.evidence)?;
        }
        write!(f, "{}", last(&ended.stderr, 12))
    }
}

/// The run folders in `out`, in the order of their names.
pub(crate) fn run_folders(out: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(out).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    let mut folders: Vec<PathBuf> = entries.unwrap_or_default();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}
