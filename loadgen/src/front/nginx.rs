//! The real nginx as the front end: configured, started on loopback, told to reopen its log by USR1, ended by its id.
//!
//! nginx logs behind its answer, so it cannot tell what it has logged; whoever got an answer takes it for logged. What
//! it could not send to syslog it says in its error log, a line each: [`Nginx::dropped`].

use std::{
    ffi::OsString,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use thiserror::Error;

use super::{Buffer, LogFormat, Outlet};
use crate::clock::RunClock;

/// How long it may take to listen, or to end.
const PATIENCE_US: u64 = 10_000_000;
/// Where it may be beside the search path.
const PLACES: [&str; 3] = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/opt/nginx/sbin/nginx"];
/// What it says for each line that syslog did not take.
const DROPPED: &[u8] = b"send() to syslog failed";
/// Bytes of its error log that are read.
const MAX_ERRORS: u64 = 256 << 20;

/// Why there is no nginx.
#[derive(Debug, Error)]
pub enum NginxError {
    /// It is not installed.
    #[error("nginx is not installed; install it (nginx-light will do), or take the embedded front end")]
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
    errors: PathBuf,
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

    /// Starts it and waits until it listens.
    pub fn start(plan: &NginxPlan) -> Result<Self, NginxError> {
        let program = Self::program().ok_or(NginxError::Absent)?;
        let at = free_port().map_err(|source| NginxError::Start { program: program.clone(), source })?;
        let (conf, errors) = (plan.dir.join("nginx.conf"), plan.dir.join("error.log"));
        let files = |path: &Path, source| NginxError::Files { path: path.to_owned(), source };
        std::fs::create_dir_all(&plan.dir).map_err(|source| files(&plan.dir, source))?;
        std::fs::write(&conf, configuration(plan, at)).map_err(|source| files(&conf, source))?;
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
        let mut nginx = Self { child, at, errors, clock: RunClock::start() };
        nginx.wait_until_it_listens()?;
        Ok(nginx)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.at
    }

    /// Lets it open its log anew, as logrotate does; it goes on in the old file for some milliseconds.
    pub fn reopen(&self) -> io::Result<()> {
        self.tell(Signal::SIGUSR1)
    }

    /// Lines that syslog did not take so far, by its error log.
    pub fn dropped(&self) -> io::Result<u64> {
        use io::Read;
        let mut text = Vec::new();
        std::fs::File::open(&self.errors)?.take(MAX_ERRORS).read_to_end(&mut text)?;
        Ok(memchr::memmem::find_iter(&text, DROPPED).count() as u64)
    }

    fn tell(&self, signal: Signal) -> io::Result<()> {
        kill(Pid::from_raw(self.child.id() as i32), signal).map_err(io::Error::from)
    }

    fn wait_until_it_listens(&mut self) -> Result<(), NginxError> {
        loop {
            if TcpStream::connect(self.at).is_ok() {
                return Ok(());
            }
            let ended = self.child.try_wait().ok().flatten().map(|status| status.to_string());
            let is_late = self.clock.now_us() > PATIENCE_US;
            if ended.is_some() || is_late {
                let log = std::fs::read(&self.errors).unwrap_or_default();
                let last = log.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap_or_default();
                let why = String::from_utf8_lossy(last).chars().take(300).collect::<String>();
                return Err(NginxError::Deaf(format!("{} {why}", ended.unwrap_or_else(|| "no answer".to_owned()))));
            }
            self.clock.park_until(self.clock.now_us() + 5_000);
        }
    }

    /// Lets it write what it buffers and end; killed if it does not. What it could not send to syslog.
    pub fn stop(mut self) -> io::Result<u64> {
        // Reopening writes out every buffer; a worker that just quits may not.
        let _ = self.reopen();
        self.end();
        self.dropped()
    }

    fn end(&mut self) {
        let _ = self.tell(Signal::SIGQUIT);
        let deadline = self.clock.now_us() + PATIENCE_US;
        while !matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
            if self.clock.now_us() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            self.clock.park_until(self.clock.now_us() + 2_000);
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.end();
    }
}

/// Somebody else may take it before nginx does; then nginx says so.
fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn configuration(plan: &NginxPlan, at: SocketAddr) -> String {
    let dir = plan.dir.display();
    // The workers of a master that is root would be somebody who may not open the log again.
    let is_root = std::fs::metadata(&plan.dir).is_ok_and(|dir| dir.uid() == 0);
    let user = if is_root { "user root;\n" } else { "" };
    let name = match plan.format {
        LogFormat::Combined => "combined",
        _ => "bench",
    };
    let format = match plan.format {
        LogFormat::Combined => String::new(),
        other => format!("  log_format bench {};\n", other.nginx()),
    };
    let buffer = match (&plan.outlet, plan.buffer) {
        (Outlet::File, Some(buffer)) => format!(" buffer={} flush={}ms", buffer.bytes, buffer.flush.as_millis()),
        _ => String::new(),
    };
    let log = match &plan.outlet {
        Outlet::File => plan.log.display().to_string(),
        Outlet::Syslog(path) => format!("syslog:server=unix:{},nohostname", path.display()),
    };
    let (workers, temporary) = (plan.workers.max(1), temporary(&plan.dir));
    format!(
        "daemon off;\nworker_processes {workers};\n{user}pid \"{dir}/nginx.pid\";\nerror_log \"{dir}/error.log\" warn;\n\
         events {{ worker_connections 4096; }}\nhttp {{\n{temporary}{format}  access_log \"{log}\" {name}{buffer};\n  \
         keepalive_requests 1000000000;\n  server {{\n    listen {at};\n    location / {{ return 200 \"ok\\n\"; }}\n  }}\n}}\n"
    )
}

/// Its own folders for bodies, which it would otherwise look for where its package put them.
fn temporary(dir: &Path) -> String {
    ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path \"{}/{kind}\";\n", dir.display()))
        .concat()
}
