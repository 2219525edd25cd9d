//! The agent as a child process: started on a leash, watched, ended, and accounted for.
//!
//! Every process is started through `tailproof leash`, which asks the kernel to end it when the bench dies, and runs in
//! a process group of its own, so that Ctrl-C in the terminal reaches the bench alone.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom},
    os::unix::{
        fs::MetadataExt,
        process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use thiserror::Error;

use super::usage;
use crate::agents::Launch;

/// Last bytes of the agent's log that an error shows.
const LOG_TAIL: i64 = 4096;

/// The agent could not be run.
#[derive(Debug, Error)]
pub enum AgentError {
    /// Its configuration could not be written, or its log not be opened.
    #[error("cannot write {path}: {why}; name another folder with --out")]
    Files {
        /// The file.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// The program could not be started.
    #[error("cannot start {program}: {why}; check that it is installed and executable")]
    Start {
        /// The program.
        program: PathBuf,
        /// The system's words.
        why: String,
    },
}

/// A process of the agent, and how it is started again.
#[derive(Debug)]
pub(super) struct AgentProcess {
    launch: Launch,
    bench: PathBuf,
    log: PathBuf,
    child: Option<Child>,
    asked: bool,
    cell: PidCell,
    /// CPU time of its processes that have ended, microseconds.
    cpu_ended_us: u64,
    rss_max: u64,
    /// What its control group had been throttled before, microseconds.
    throttled_before_us: u64,
}

/// The process id of the agent, 0 while it does not run.
#[derive(Debug, Clone, Default)]
pub(super) struct PidCell(Arc<AtomicU32>);

impl PidCell {
    /// The process id while it runs.
    pub(super) fn get(&self) -> Option<u32> {
        Some(self.0.load(Ordering::Acquire)).filter(|&pid| pid != 0)
    }
}

/// A process that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// Its process id.
    pub(super) pid: u32,
    /// "exit 0", "signal 9".
    pub(super) how: String,
    /// True if the bench asked for it.
    pub(super) asked: bool,
}

impl AgentProcess {
    /// Writes the configuration; starts nothing yet.
    pub(super) fn prepare(launch: Launch, bench: &Path, log: &Path) -> Result<Self, AgentError> {
        for (path, text) in &launch.files {
            std::fs::write(path, text).map_err(|e| AgentError::Files { path: path.clone(), why: e.to_string() })?;
        }
        Ok(Self {
            bench: bench.to_owned(),
            log: log.to_owned(),
            child: None,
            asked: false,
            cell: PidCell::default(),
            cpu_ended_us: 0,
            rss_max: 0,
            throttled_before_us: 0,
            launch,
        })
    }

    /// Starts a process; its output is appended to the agent's log.
    pub(super) fn start(&mut self) -> Result<u32, AgentError> {
        let files = |e: std::io::Error| AgentError::Files { path: self.log.clone(), why: e.to_string() };
        let log = OpenOptions::new().create(true).append(true).open(&self.log).map_err(files)?;
        let again = log.try_clone().map_err(files)?;
        let mut command = Command::new(&self.bench);
        if let Some(env) = &self.launch.env {
            command.env_clear().envs(env);
        }
        let child = command
            .arg("leash")
            .arg(format!("--parent={}", std::process::id()))
            .args(&self.launch.leash)
            .arg("--")
            .arg(&self.launch.program)
            .args(&self.launch.args)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(again)
            .process_group(0)
            .spawn()
            .map_err(|e| AgentError::Start { program: self.launch.program.clone(), why: e.to_string() })?;
        let pid = child.id();
        if self.throttled_before_us == 0 {
            self.throttled_before_us = usage::throttled_us(pid).unwrap_or(0);
        }
        self.cell.0.store(pid, Ordering::Release);
        self.child = Some(child);
        self.asked = false;
        Ok(pid)
    }

    /// The process id while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Where its process id can be read by other threads.
    pub(super) fn cell(&self) -> PidCell {
        self.cell.clone()
    }

    /// Reaps it if it has ended.
    pub(super) fn poll(&mut self) -> Option<Ended> {
        let child = self.child.as_mut()?;
        let before_us = usage::children_cpu_us();
        let status = child.try_wait().ok().flatten()?;
        self.cpu_ended_us += usage::children_cpu_us().saturating_sub(before_us);
        let ended = Ended { pid: child.id(), how: describe(status), asked: self.asked };
        self.child = None;
        self.cell.0.store(0, Ordering::Release);
        Some(ended)
    }

    /// Asks it to read its configuration again (SIGHUP).
    pub(super) fn reload(&self) {
        self.send(Signal::SIGHUP);
    }

    /// Asks it to end (SIGTERM).
    pub(super) fn terminate(&mut self) {
        self.signal(Signal::SIGTERM);
    }

    /// Ends it (SIGKILL) and reaps it.
    pub(super) fn kill(&mut self) -> Option<Ended> {
        self.signal(Signal::SIGKILL);
        let mut child = self.child.take()?;
        self.cell.0.store(0, Ordering::Release);
        let before_us = usage::children_cpu_us();
        let status = child.wait().ok()?;
        self.cpu_ended_us += usage::children_cpu_us().saturating_sub(before_us);
        Some(Ended { pid: child.id(), how: describe(status), asked: true })
    }

    fn signal(&mut self, signal: Signal) {
        self.asked = true;
        self.send(signal);
    }

    fn send(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            // It may have ended just now; poll() will say so.
            let _ = kill(Pid::from_raw(pid.cast_signed()), signal);
        }
    }

    /// CPU time of all its lifetimes so far, microseconds, and the resident bytes of the one that runs.
    pub(super) fn usage(&mut self) -> (u64, u64) {
        let (cpu_us, rss) = self.pid().map_or((0, 0), |pid| (usage::process_cpu_us(pid), usage::resident_bytes(pid)));
        self.rss_max = self.rss_max.max(rss);
        (self.cpu_ended_us + cpu_us, rss)
    }

    /// Largest resident size seen, bytes.
    pub(super) fn rss_max(&self) -> u64 {
        self.rss_max
    }

    /// Files, sockets and the like that it has open; 0 while it does not run.
    pub(super) fn open_files(&self) -> u64 {
        self.pid().map_or(0, usage::open_files)
    }

    /// How long its control group has been throttled since its first start, microseconds; 0 where nothing limits it.
    pub(super) fn throttled_us(&self) -> u64 {
        let now = self.pid().and_then(usage::throttled_us).unwrap_or(self.throttled_before_us);
        now.saturating_sub(self.throttled_before_us)
    }

    /// How long its log is, bytes.
    pub(super) fn log_len(&self) -> u64 {
        std::fs::metadata(&self.log).map_or(0, |about| about.len())
    }

    /// What its log has after so many bytes, a megabyte at most.
    pub(super) fn log_since(&self, from: u64) -> String {
        let read = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(&self.log)?;
            file.seek(SeekFrom::Start(from))?;
            let mut bytes = Vec::new();
            file.take(1 << 20).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
    }

    /// The last lines of its log.
    pub(super) fn log_tail(&self) -> String {
        let tail = || -> std::io::Result<String> {
            let mut file = File::open(&self.log)?;
            let size = file.metadata()?.len() as i64;
            file.seek(SeekFrom::Start((size - LOG_TAIL).max(0) as u64))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let text = tail().unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(8).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for AgentProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (_, Some(signal)) => format!("signal {signal}"),
        _ => "an unknown way".to_owned(),
    }
}

/// Whether a process has a file open; `None` if it cannot be looked at (it has ended, or is not ours).
pub(super) fn holds(pid: u32, device: u64, inode: u64) -> Option<bool> {
    let fds = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let is_it =
        |path: PathBuf| std::fs::metadata(path).is_ok_and(|about| (about.dev(), about.ino()) == (device, inode));
    Some(fds.flatten().any(|fd| is_it(fd.path())))
}
