//! Stands between agent and sink: takes one HTTP/1.1 POST after the other, lies about its body, passes it on.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use super::liar::Liar;

/// A running proxy; dropping it stops it.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    liar: Arc<Mutex<Liar>>,
    stop: Arc<AtomicBool>,
    accepts: Option<JoinHandle<()>>,
}

impl Proxy {
    pub(crate) fn start(liar: Liar, sink: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let (liar, stop) = (Arc::new(Mutex::new(liar)), Arc::new(AtomicBool::new(false)));
        let (shared, ended) = (Arc::clone(&liar), Arc::clone(&stop));
        let accepts = std::thread::spawn(move || {
            for agent in listener.incoming().flatten() {
                if ended.load(Ordering::Acquire) {
                    break;
                }
                let liar = Arc::clone(&shared);
                std::thread::spawn(move || serve(&agent, sink, &liar));
            }
        });
        Self { address, liar, stop, accepts: Some(accepts) }
    }

    /// Per stream: one past the last record that came by.
    pub(crate) fn seen(&self) -> Vec<u64> {
        self.liar.lock().unwrap_or_else(PoisonError::into_inner).seen.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // The last connection, to wake the thread that waits for one.
        let _ = TcpStream::connect(self.address);
        let _ = self.accepts.take().map(JoinHandle::join);
    }
}

/// Serves one connection of the agent until either side ends it.
fn serve(agent: &TcpStream, sink: SocketAddr, liar: &Mutex<Liar>) -> Option<()> {
    let upstream = TcpStream::connect(sink).ok()?;
    let (mut from_agent, mut from_sink) = (BufReader::new(agent), BufReader::new(&upstream));
    loop {
        let (head, body) = message(&mut from_agent)?;
        let body = String::from_utf8(body).expect("the agent sends UTF-8");
        // The lock is held until the sink has answered: what a later request says arrives later.
        let mut liar = liar.lock().unwrap_or_else(PoisonError::into_inner);
        let told = liar.pass(&body);
        let path = head.lines().next()?.split(' ').nth(1)?.to_owned();
        let request = format!("POST {path} HTTP/1.1\r\nhost: {sink}\r\ncontent-length: {}\r\n\r\n{told}", told.len());
        (&upstream).write_all(request.as_bytes()).ok()?;
        let (answer, said) = message(&mut from_sink)?;
        drop(liar);
        let mut agent = agent;
        agent.write_all(answer.as_bytes()).ok()?;
        agent.write_all(&said).ok()?;
    }
}

/// Head and body of one message; `None` once the other side is gone.
fn message(from: &mut BufReader<&TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    loop {
        let before = head.len();
        if from.read_line(&mut head).ok()? == 0 {
            return None;
        }
        if head[before..].trim_end().is_empty() {
            break;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().expect("a length is a number"))
    });
    let mut body = vec![0; length.unwrap_or(0)];
    from.read_exact(&mut body).ok()?;
    Some((head, body))
}
