//! A terminal of our own: a tmux server with one shell in it, looked at and typed into from outside.

use std::{
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use loadgen::clock::RunClock;
use tempfile::TempDir;

use crate::support::{ci, place};

/// How long something may take to appear, seconds.
const PATIENCE: u64 = 60;
/// From one look to the next, microseconds.
const LOOK: u64 = 20_000;

/// A shell in a terminal of a given size.
pub(super) struct Screen {
    server: String,
    place: TempDir,
    asked: u32,
}

impl Screen {
    /// Opens one; `None`, said aloud, where tmux is not installed.
    pub(super) fn open(width: u16, height: u16) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let there = Command::new("tmux").arg("-V").output().is_ok_and(|output| output.status.success());
        if !there {
            assert!(!ci(), "tmux is not installed, and CI=true asks for every test");
            println!("skipped: tmux is not installed");
            return None;
        }
        let server = format!("tailproof-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let screen = Self { server, place: place(), asked: 0 };
        let (width, height) = (width.to_string(), height.to_string());
        // A plain prompt, so that nothing but ours is on the screen.
        screen.tmux(&[
            "new-session",
            "-d",
            "-x",
            &width,
            "-y",
            &height,
            "env -u SSH_CONNECTION -u NO_COLOR LC_ALL=C.UTF-8 PS1='$ ' sh",
        ]);
        let pipe = format!("cat > {}", screen.file("raw").display());
        screen.tmux(&["pipe-pane", &pipe]);
        screen.shows("$");
        Some(screen)
    }

    fn tmux(&self, args: &[&str]) -> String {
        let output = Command::new("tmux").args(["-L", &self.server, "-f", "/dev/null"]).args(args).output().unwrap();
        assert!(output.status.success(), "tmux {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Types a command whose exit code [`Screen::ended`] waits for.
    pub(super) fn run(&mut self, command: &str) {
        self.asked += 1;
        let code = self.file(&format!("code{}", self.asked));
        self.type_in(&format!("clear; {command}; echo $? > {0}.new; mv {0}.new {0}", code.display()));
    }

    fn type_in(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.tmux(&["send-keys", "Enter"]);
    }

    /// Waits for the end of the last command; its exit code.
    pub(super) fn ended(&self) -> i32 {
        let path = self.file(&format!("code{}", self.asked));
        self.until("the end of the command", |_| path.exists());
        std::fs::read_to_string(path).unwrap().trim().parse().unwrap()
    }

    /// Presses keys.
    pub(super) fn press(&self, keys: &str) {
        self.tmux(&["send-keys", "-l", keys]);
    }

    /// Another size.
    pub(super) fn resize(&self, width: u16, height: u16) {
        self.tmux(&["resize-window", "-x", &width.to_string(), "-y", &height.to_string()]);
    }

    /// What is on the screen.
    pub(super) fn text(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Waits until `text` is on the screen.
    pub(super) fn shows(&self, text: &str) {
        self.until(text, |shown| shown.contains(text));
    }

    /// Waits until the screen is as it should be; panics with what it is.
    pub(super) fn until(&self, what: &str, right: impl Fn(&str) -> bool) {
        wait(&format!("{what:?} was not shown"), || self.text(), right);
    }

    /// Waits until the terminal is as it was: what a program wrote last may be read only after its end.
    pub(super) fn is_given_back(&self, before: &str) {
        wait(&format!("the terminal is not as it was, which is:\n{before}\nbut"), || self.state(), |now| now == before);
    }

    /// Waits until every byte is recorded that a dashboard wrote, of which this is the last but a few.
    pub(super) fn is_recorded(&self) {
        wait("nothing tells that the other screen was left", || self.raw(), |raw| raw.contains("\u{1b}[?1049l"));
    }

    /// How the terminal is set: its modes, whether the alternate screen is on, whether the cursor is shown.
    pub(super) fn state(&self) -> String {
        let tty = self.tmux(&["display-message", "-p", "#{pane_tty}"]);
        let modes = Command::new("stty").args(["-g", "-F", tty.trim()]).output().unwrap();
        let modes = String::from_utf8_lossy(&modes.stdout).into_owned();
        // The shell edits its line by itself: asked while it waits, it is the same each time.
        modes + &self.tmux(&["display-message", "-p", "alternate #{alternate_on} cursor #{cursor_flag}"])
    }

    /// Sends a signal to the program that runs in it.
    pub(super) fn signal(&self, name: &str, signal: &str) {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let children = Command::new("pgrep").args(["-P", shell.trim(), "-x", name]).output().unwrap();
        let pid = String::from_utf8_lossy(&children.stdout).trim().to_owned();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().unwrap();
        assert!(sent.success(), "no {name} to be sent SIG{signal}: {pid:?}");
    }

    /// Every byte that was written to it so far.
    pub(super) fn raw(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.file("raw")).unwrap_or_default()).into_owned()
    }
}

/// Looks again and again until it is right; panics with what was seen last.
fn wait(otherwise: &str, look: impl Fn() -> String, right: impl Fn(&str) -> bool) {
    let clock = RunClock::start();
    loop {
        let seen = look();
        if right(&seen) {
            return;
        }
        assert!(clock.now_us() < PATIENCE * 1_000_000, "{otherwise}:\n{seen}");
        // Each look starts a program.
        clock.park_until(clock.now_us() + LOOK);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The server may have ended with its shell.
        let _ = Command::new("tmux").args(["-L", &self.server, "kill-server"]).output();
    }
}
