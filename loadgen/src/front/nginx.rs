//! The real nginx as the front end: configured, started on loopback, told to reopen its log by USR1, ended by its id.
//!
//! nginx logs behind its answer, so it cannot tell what it has logged; whoever got an answer takes it for logged. What
//! it could not send to syslog it says in its error log, a line each. [`NginxFront`] is the one that keeps the books of a
//! run; [`Nginx`] is the process alone.

mod conf;
mod front;
mod held;
mod said;
#[cfg(test)]
mod tests;
mod work;

use std::{
    ffi::OsString,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use thiserror::Error;

use self::said::{ErrorLog, Said};
pub use self::{
    conf::{MAX_CONNECTIONS, MAX_TEXT},
    front::{NginxFront, NginxFrontPlan},
};
use super::{Buffer, LogFormat, Outlet};
use crate::clock::RunClock;

/// How long it may take to listen, or to end.
const PATIENCE_US: u64 = 10_000_000;
/// Where it may be beside the search path.
const PLACES: [&str; 3] = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/opt/nginx/sbin/nginx"];
/// Ports that it is given: below those that systems hand out by themselves, so that nobody takes one before nginx does, and beside
/// those of the processes of a run.
const PORTS: std::ops::Range<u16> = 30_000..32_000;
/// Ports that were tried by this process: none is tried twice before all were.
static TRIED: AtomicU32 = AtomicU32::new(0);
/// From one look to the next while something is waited for.
const LOOK_US: u64 = 1_000;

/// Why there is no nginx.
#[derive(Debug, Error)]
pub enum NginxError {
    /// It is not installed.
    #[error(
        "there is no nginx here; install it (nginx-light will do), or set server = \"embedded\" for this front end"
    )]
    Absent,
    /// A file of its could not be written.
    #[error("write {}: {source}; choose a folder you may write to", path.display())]
    Files {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It could not be started.
    #[error("start {}: {source}; check that it is executable", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It started and did not listen.
    #[error("nginx does not listen: {0}; look at its configuration beside its error log")]
    Deaf(String),
}

/// What nginx is to be.
#[derive(Debug, Clone)]
pub struct NginxPlan {
    /// A folder of its own for configuration, error log and temporary files.
    pub dir: PathBuf,
    /// Its access log.
    pub log: PathBuf,
    /// What a line says.
    pub format: LogFormat,
    /// Whether lines wait for each other; files only.
    pub buffer: Option<Buffer>,
    /// Where lines go.
    pub outlet: Outlet,
    /// Worker processes.
    pub workers: u32,
    /// What is put before the command, so that it ends with the bench; empty: nothing.
    pub leash: Vec<OsString>,
}

/// A running nginx. Dropping it ends it.
#[derive(Debug)]
pub struct Nginx {
    child: Child,
    at: SocketAddr,
    dir: PathBuf,
    errors: PathBuf,
    /// Its access log, if that is a file.
    log: Option<PathBuf>,
    clock: RunClock,
}

impl Nginx {
    /// Where nginx is, if it is installed.
    pub fn program() -> Option<PathBuf> {
        let answers = |program: &Path| {
            let mut version = Command::new(program);
            version.arg("-v").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            version.status().is_ok_and(|status| status.success())
        };
        [Path::new("nginx")].into_iter().chain(PLACES.iter().map(Path::new)).find(|at| answers(at)).map(Path::to_owned)
    }

    /// Starts it and waits until it listens. The thread that calls has to outlive it if it is on a leash.
    pub fn start(plan: &NginxPlan) -> Result<Self, NginxError> {
        let program = Self::program().ok_or(NginxError::Absent)?;
        let at = free_port().map_err(|source| NginxError::Start { program: program.clone(), source })?;
        let (conf, errors) = (plan.dir.join("nginx.conf"), plan.dir.join("error.log"));
        let files = |path: &Path, source| NginxError::Files { path: path.to_owned(), source };
        std::fs::create_dir_all(&plan.dir).map_err(|source| files(&plan.dir, source))?;
        std::fs::write(&conf, conf::text(plan, at)).map_err(|source| files(&conf, source))?;
        let words = plan.leash.iter().cloned().chain([program.clone().into_os_string()]);
        let words: Vec<OsString> = words
            .chain(["-p".into(), plan.dir.clone().into(), "-c".into(), conf.into(), "-e".into(), errors.clone().into()])
            .collect();
        let child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|source| NginxError::Start { program, source })?;
        let log = (plan.outlet == Outlet::File).then(|| plan.log.clone());
        let mut nginx = Self { child, at, dir: plan.dir.clone(), errors, log, clock: RunClock::start() };
        nginx.wait_until_it_listens()?;
        Ok(nginx)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.at
    }

    /// The process id of its master.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// Lets it open its log anew, as logrotate does; it goes on in the old file for some milliseconds.
    pub fn reopen(&self) -> io::Result<()> {
        self.tell(Signal::SIGUSR1)
    }

    /// Lines that syslog did not take so far, by its error log.
    pub fn dropped(&self) -> io::Result<u64> {
        let mut count = 0;
        ErrorLog::new(&self.errors).follow(0, &mut |said| count += u64::from(matches!(said, Said::Dropped(_))))?;
        Ok(count)
    }

    /// Lets it write what it buffers and end; killed if it does not. What it could not send to syslog.
    pub fn stop(mut self) -> io::Result<u64> {
        self.quit();
        self.dropped()
    }

    /// Lets it answer what it was asked, log that, write out what it buffers, and end; killed, and false, if it does not
    /// within ten seconds.
    fn quit(&mut self) -> bool {
        if self.ended().is_some() {
            return true;
        }
        let _ = self.tell(Signal::SIGQUIT);
        let (clock, child) = (self.clock, &mut self.child);
        let has_ended = within(clock, || matches!(child.try_wait(), Ok(Some(_)) | Err(_)));
        if !has_ended {
            self.kill();
            let _ = self.child.wait();
        }
        conf::tidy(&self.dir);
        has_ended
    }

    /// Kills what is left of it: workers go on without their master, in the group that it began.
    fn kill(&self) {
        let _ = killpg(Pid::from_raw(self.pid().cast_signed()), Signal::SIGKILL);
    }

    fn tell(&self, signal: Signal) -> io::Result<()> {
        kill(Pid::from_raw(self.pid().cast_signed()), signal).map_err(io::Error::from)
    }

    fn wait_until_it_listens(&mut self) -> Result<(), NginxError> {
        loop {
            if TcpStream::connect(self.at).is_ok() {
                return Ok(());
            }
            let ended = self.ended();
            if ended.is_some() || self.clock.now_us() > PATIENCE_US {
                let why = said::last_line(&self.errors);
                return Err(NginxError::Deaf(format!("{} {why}", ended.unwrap_or_else(|| "no answer".to_owned()))));
            }
            self.clock.park_until(self.clock.now_us() + LOOK_US);
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.quit();
    }
}

/// Waits for something, but not for ever; false if it did not come.
fn within(clock: RunClock, mut done: impl FnMut() -> bool) -> bool {
    let deadline = clock.now_us() + PATIENCE_US;
    while !done() {
        if clock.now_us() > deadline {
            return false;
        }
        clock.park_until(clock.now_us() + LOOK_US);
    }
    true
}

/// A port that is free; benches with different numbers begin to look at different places.
fn free_port() -> io::Result<SocketAddr> {
    let span = u32::from(PORTS.end - PORTS.start);
    let first = std::process::id().wrapping_mul(2_654_435_761);
    let next = || PORTS.start + (first.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed)) % span) as u16;
    let free = (0..span).find_map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, next())).ok());
    free.map_or_else(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)), Ok)?.local_addr()
}
