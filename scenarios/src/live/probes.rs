//! What an orchestrator asks of a process while it runs: a few bytes of HTTP, answered with success and in time.
//!
//! ```text
//! every second   GET / HTTP/1.1 ─▶ 200        so many failures in a row: the contract is broken, as a kubelet would restart it
//! ```
//! Begins with the first success, since a process that starts is not ready yet. One thread for each process.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use loadgen::clock::RunClock;
use results::event::{AgentEvent, What};

use super::{
    bus::Bus,
    names::{NameError, Names, Whose},
};
use crate::{plan::Plan, spec::Probes};

/// The most that is read of an answer: its first line is in it.
const HEAD_MAX: usize = 4 << 10;

/// What to ask of one process.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) process: String,
    pub(super) port: u16,
    pub(super) probes: Probes,
}

/// What to ask, the ports filled in.
pub(super) fn of(plan: &Plan, names: &mut Names) -> Result<Vec<Asked>, NameError> {
    let root = names.root.clone();
    let mut all = Vec::new();
    for instance in &plan.instances {
        let Some(probes) = &instance.probes else { continue };
        let text = names.fill(&probes.port, &Whose { name: &instance.name, state: &root, logs: &root })?;
        let port = text.parse().map_err(|_| NameError::Unknown { text, why: "it is no port".to_owned() })?;
        all.push(Asked { process: instance.name.clone(), port, probes: probes.clone() });
    }
    Ok(all)
}

/// Running probes. Dropping them ends them.
#[derive(Debug, Default)]
pub(super) struct Probing {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Probing {
    /// Asks from now on.
    pub(super) fn start(asked: Vec<Asked>, bus: &Bus, clock: RunClock) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for asked in asked {
            let (bus, stop) = (bus.clone(), Arc::clone(&stop));
            let work = move || ask(&asked, &bus, clock, &stop);
            threads.push(std::thread::Builder::new().name("probes".into()).spawn(work)?);
        }
        Ok(Self { stop, threads })
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            // A panic was reported on stderr by itself.
            drop(thread.join());
        }
    }
}

/// One path, and how often it failed in a row since it first succeeded.
struct Path<'a> {
    path: &'a str,
    failed: Option<u32>,
}

fn ask(asked: &Asked, bus: &Bus, clock: RunClock, stop: &AtomicBool) {
    let probes = &asked.probes;
    let at = (Ipv4Addr::LOCALHOST, asked.port).into();
    let paths = [&probes.readiness, &probes.liveness];
    let mut paths: Vec<Path<'_>> = paths.into_iter().flatten().map(|path| Path { path, failed: None }).collect();
    let mut next_us = clock.now_us();
    while !stop.load(Ordering::Acquire) {
        for path in &mut paths {
            let answer = get(at, path.path, Duration::from_micros(probes.timeout.0));
            if stop.load(Ordering::Acquire) {
                return;
            }
            if let Some(how) = path.note(answer, probes.failures) {
                let (process, path) = (asked.process.clone(), path.path.to_owned());
                bus.say(What::Agent(AgentEvent::ProbeFailed { process, path, how }));
            }
        }
        next_us = (next_us + probes.every.0).max(clock.now_us());
        while clock.now_us() < next_us && !stop.load(Ordering::Acquire) {
            clock.park_until(next_us);
        }
    }
}

impl Path<'_> {
    /// How it failed, once when it did so for the `limit`-th time in a row.
    fn note(&mut self, answer: io::Result<u16>, limit: u32) -> Option<String> {
        let how = match answer {
            Ok(200..400) => {
                self.failed = Some(0);
                return None;
            }
            Ok(status) => format!("status {status}"),
            Err(error) => error.to_string(),
        };
        let failed = self.failed.as_mut()?;
        *failed += 1;
        (*failed == limit).then(|| format!("{failed} times in a row, last: {how}"))
    }
}

/// The status of the answer.
fn get(at: SocketAddr, path: &str, timeout: Duration) -> io::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&at, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    // In one piece: who answers after the first one and hangs up would reset what comes behind it.
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {at}\r\nUser-Agent: kube-probe/1.33\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    let mut chunk = [0; 512];
    while !head.contains(&b'\n') && head.len() < HEAD_MAX {
        match stream.read(&mut chunk)? {
            0 => break,
            count => head.extend_from_slice(&chunk[..count]),
        }
    }
    let status = head.split(|byte| *byte == b' ').nth(1).and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is no HTTP"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::{live::bus::bus, spec::units::Span};

    #[test]
    fn only_failures_in_a_row_and_after_a_success_break_the_contract() {
        let mut path = Path { path: "/", failed: None };
        let error = || Err(io::ErrorKind::TimedOut.into());
        assert!((0..5).all(|_| path.note(error(), 3).is_none()), "it is still starting");
        assert_eq!(path.note(Ok(200), 3), None);
        assert_eq!((path.note(error(), 3), path.note(Ok(500), 3), path.note(Ok(204), 3)), (None, None, None));
        assert_eq!((path.note(error(), 3), path.note(error(), 3)), (None, None));
        assert_eq!(path.note(Ok(500), 3), Some("3 times in a row, last: status 500".to_owned()));
        assert_eq!(path.note(Ok(500), 3), None, "said once");
    }

    #[test]
    fn an_answer_that_does_not_come_or_is_none_is_a_failure() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let at = listener.local_addr().unwrap();
        let answers = std::thread::spawn(move || {
            for answer in [&b"HTTP/1.1 204 No Content\r\n\r\n"[..], b"nonsense\n", b""] {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 1_000]);
                stream.write_all(answer).unwrap();
            }
            // Accepted by the kernel, and never answered.
            listener
        });
        let within = Duration::from_secs(20);
        assert_eq!(get(at, "/", within).ok(), Some(204));
        assert!(get(at, "/", within).is_err() && get(at, "/", within).is_err());
        let _listener = answers.join().unwrap();
        assert!(get(at, "/", Duration::from_millis(200)).is_err());
    }

    #[test]
    fn each_path_is_asked_for_and_one_that_fails_too_often_is_told_by_name() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        // Ready for ever; alive for the first two questions.
        std::thread::spawn(move || {
            let mut alive = 0;
            for mut stream in listener.incoming().flatten() {
                let mut head = [0; 1_000];
                let read = stream.read(&mut head).unwrap_or(0);
                let is_liveness = head[..read].starts_with(b"GET /alive ");
                alive += u32::from(is_liveness);
                let status = if is_liveness && alive > 2 { "503 No" } else { "200 Yes" };
                // Whoever has asked may be gone.
                let _ = write!(stream, "HTTP/1.1 {status}\r\n\r\n");
            }
        });
        let probes = Probes {
            port: String::new(),
            readiness: Some("/ready".into()),
            liveness: Some("/alive".into()),
            every: Span(1_000),
            timeout: Span(20_000_000),
            failures: 3,
        };
        let clock = RunClock::start();
        let (bus, events) = bus(clock);
        let probing = Probing::start(vec![Asked { process: "web".into(), port, probes }], &bus, clock).unwrap();
        let told = events.recv_timeout(Duration::from_secs(20)).expect("it is told").what;
        drop((probing, bus));
        let What::Agent(AgentEvent::ProbeFailed { process, path, how }) = told else { panic!("{told:?}") };
        assert_eq!((process.as_str(), path.as_str()), ("web", "/alive"));
        assert_eq!(how, "3 times in a row, last: status 503");
        assert!(events.recv().is_err(), "it is told once, and readiness never failed");
    }
}
