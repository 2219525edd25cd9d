//! The front end's thread: accepts, answers, logs, and looks after the log.

use std::{cell::RefCell, net::IpAddr, rc::Rc, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    body::Incoming,
    header::{HOST, USER_AGENT},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    task::{JoinSet, LocalSet},
};

use super::{
    Ended,
    format::{self, Request, Second},
    log::Log,
    stamped,
};

/// What is answered.
const ANSWER: &[u8] = b"ok\n";
/// Connections served at a time; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 4_096;
/// Longest head of a request, bytes.
const MAX_HEAD: usize = 64 << 10;
/// Rest after a failed accept.
const REST: Duration = Duration::from_millis(10);

struct Front {
    log: RefCell<Log>,
    second: RefCell<Second>,
    line: RefCell<Vec<u8>>,
    run: u32,
}

/// Serves until told to stop.
pub(super) fn run(runtime: &Runtime, listener: std::net::TcpListener, log: Log) -> Ended {
    let front = Rc::new(Front {
        run: log.plan.run,
        log: RefCell::new(log),
        second: RefCell::default(),
        line: RefCell::default(),
    });
    let local = LocalSet::new();
    local.block_on(runtime, async {
        let accepts = tokio::task::spawn_local(accept(listener, Rc::clone(&front)));
        tend(&front).await;
        accepts.abort();
        let _ = accepts.await;
    });
    drop(local);
    let front = Rc::into_inner(front).expect("all tasks went with their set");
    front.log.into_inner().finish()
}

/// Does what is asked of the log until the end.
async fn tend(front: &Front) {
    let shared = Arc::clone(&front.log.borrow().shared);
    loop {
        let wake_us = front.log.borrow_mut().tend();
        if front.log.borrow().is_over() {
            return;
        }
        let rest = Duration::from_micros(wake_us.saturating_sub(shared.clock.now_us()));
        if wake_us == u64::MAX {
            shared.bell.notified().await;
        } else {
            // Either will do; what came is found by looking.
            let _ = tokio::time::timeout(rest, shared.bell.notified()).await;
        }
    }
}

async fn accept(listener: std::net::TcpListener, front: Rc<Front>) {
    let listener = TcpListener::from_std(listener).expect("it does not block");
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn_local(connection(stream, peer.ip(), Rc::clone(&front)));
                }
                // Most likely no file descriptor is left; a connection may end meanwhile.
                Err(_) => tokio::time::sleep(REST).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, peer: IpAddr, front: Rc<Front>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        front.log(peer, &request);
        std::future::ready(Ok::<_, std::convert::Infallible>(answer(&request)))
    });
    // A client that breaks off is no matter: it is told nothing more.
    let _ = http1::Builder::new().max_buf_size(MAX_HEAD).serve_connection(TokioIo::new(stream), service).await;
}

fn answer(_: &hyper::Request<Incoming>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(ANSWER)));
    *response.status_mut() = StatusCode::OK;
    response
}

impl Front {
    fn log(&self, peer: IpAddr, request: &hyper::Request<Incoming>) {
        let header = |name| request.headers().get(name).map_or(&b""[..], |value| value.as_bytes());
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let agent = header(USER_AGENT);
        let of = Request {
            peer,
            method: request.method().as_str(),
            target,
            host: header(HOST),
            agent,
            status: 200,
            bytes: ANSWER.len(),
        };
        let mut log = self.log.borrow_mut();
        let of_run = |text| stamped(text, self.run);
        let id = of_run(target.as_bytes()).or_else(|| of_run(agent)).filter(|id| log.knows(*id));
        let wall_us = log.shared.clock.wall_us(log.shared.clock.now_us());
        let mut second = self.second.borrow_mut();
        second.turn(wall_us);
        let mut line = self.line.borrow_mut();
        line.clear();
        format::line(log.plan.format, &of, &second, &mut line);
        log.line(&line, id, &second.syslog);
    }
}
