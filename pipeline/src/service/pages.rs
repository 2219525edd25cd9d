//! The pages that tell how it goes, as Fluent Bit has them: probes and dashboards ask for these paths.
//!
//! ```text
//! GET /                                 the program
//! GET /api/v1/uptime                    since when
//! GET /api/v1/metrics                   counters, JSON
//! GET /api/v1/metrics/prometheus        counters for Prometheus; also /api/v2/metrics[/prometheus]
//! GET /api/v1/health                    200 or 500 and why, with Health_Check
//! GET /api/v1/storage                   what waits, with storage.metrics
//! GET /api/v2/reload                    how often; asking for one is refused, SIGHUP does it
//! ```
//! The pages read figures that the loop puts up; nothing that is asked here can hold the pipeline up. Connections are
//! bounded in number, time and size, bodies are not read.

use std::{net::SocketAddr, sync::Arc, thread::JoinHandle, time::Duration};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};

use super::{board::Board, clock::Clock, health};
use crate::config::plan::{Health, ServicePlan};

mod json;
mod prometheus;

/// Most connections at a time; more are closed at once.
const CONNECTIONS_MAX: usize = 64;
/// Longest head of a request, bytes.
const HEAD_MAX: usize = 16 << 10;
/// The longest that a head may take, and a whole connection.
const HEAD_WAIT: Duration = Duration::from_secs(5);
const CONNECTION_WAIT: Duration = Duration::from_secs(60);
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Why there are no pages; fits after "failed to".
#[derive(Debug, Error)]
pub enum PagesError {
    /// The address cannot be had.
    #[error("listen on {0} for HTTP_Server: {1}; choose another HTTP_Port or HTTP_Listen")]
    Listen(SocketAddr, std::io::Error),
    /// The system refused a thread or a runtime.
    #[error("start the thread of HTTP_Server: {0}; check the limits of the process")]
    Thread(std::io::Error),
}

/// What the pages show beside the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct About {
    health: Health,
    storage: bool,
}

/// The pages of a process. Dropping it closes them.
#[derive(Debug)]
pub(crate) struct Pages {
    address: SocketAddr,
    about: About,
    open: watch::Sender<()>,
    thread: JoinHandle<()>,
}

impl Pages {
    /// Opens the pages if the plan wants them.
    pub(crate) fn open(plan: &ServicePlan, board: &Board, clock: Clock) -> Result<Option<Self>, PagesError> {
        let Some(http) = plan.http else { return Ok(None) };
        let about = About { health: plan.health, storage: plan.storage.metrics };
        let listener = std::net::TcpListener::bind(http.listen);
        let listener = listener.and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
        let listener = listener.map_err(|error| PagesError::Listen(http.listen, error))?;
        let address = listener.local_addr().map_err(|error| PagesError::Listen(http.listen, error))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(PagesError::Thread)?;
        let (open, closed) = watch::channel(());
        let desk = Arc::new(Desk { about, board: board.clone(), clock });
        let serve = move || {
            runtime.block_on(async {
                match TcpListener::from_std(listener) {
                    Ok(listener) => serve(listener, desk, closed).await,
                    Err(error) => tracing::error!(%error, "HTTP_Server"),
                }
            });
        };
        let thread = std::thread::Builder::new().name("http_server".to_owned()).spawn(serve);
        let thread = thread.map_err(PagesError::Thread)?;
        tracing::info!(%address, "HTTP_Server");
        Ok(Some(Self { address, about, open, thread }))
    }

    /// Whether these are the pages that the plan wants.
    pub(crate) fn suits(&self, plan: &ServicePlan) -> bool {
        let about = About { health: plan.health, storage: plan.storage.metrics };
        plan.http.is_some_and(|http| http.listen == self.address) && about == self.about
    }

    /// Closes them, so that the address is free.
    pub(crate) fn close(self) {
        drop(self.open);
        // A panic was reported by its own thread.
        let _ = self.thread.join();
    }

    /// Where they are.
    #[cfg(test)]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Who answers.
struct Desk {
    about: About,
    board: Board,
    clock: Clock,
}

async fn serve(listener: TcpListener, desk: Arc<Desk>, mut closed: watch::Receiver<()>) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            // The sender never sends: it is dropped.
            _ = closed.changed() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let Ok(seat) = Arc::clone(&seats).try_acquire_owned() else { continue };
                let desk = Arc::clone(&desk);
                tokio::spawn(async move {
                    // A peer that is too slow or says nonsense is none of our troubles.
                    let _ = tokio::time::timeout(CONNECTION_WAIT, connection(stream, desk)).await;
                    drop(seat);
                });
            }
            // Out of descriptors: the next moment may be better.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn connection(stream: TcpStream, desk: Arc<Desk>) -> hyper::Result<()> {
    let answer = service_fn(move |request: Request<Incoming>| {
        let answer = desk.answer(request.method(), request.uri().path());
        async move { Ok::<_, std::convert::Infallible>(answer) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_WAIT).max_buf_size(HEAD_MAX).max_headers(64);
    // Some clients say that they have said all before they listen.
    server.half_close(true);
    server.serve_connection(TokioIo::new(stream), answer).await
}

impl Desk {
    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if path == "/api/v2/reload" && (method == Method::POST || method == Method::PUT) {
            return page(StatusCode::FORBIDDEN, JSON, json::no_reload());
        }
        if method != Method::GET && method != Method::HEAD {
            let mut answer = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET is answered\n".to_owned());
            answer.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        let (figures, now_ms) = (self.board.read(), self.clock.mono_ms());
        let ok = |kind, text| page(StatusCode::OK, kind, text);
        match path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path) {
            "/" => ok(JSON, json::program()),
            "/api/v1/uptime" => ok(JSON, json::uptime(now_ms / 1_000)),
            "/api/v1/metrics" | "/api/v2/metrics" => ok(JSON, json::metrics(&figures)),
            "/api/v1/metrics/prometheus" | "/api/v2/metrics/prometheus" => {
                ok(METRICS, prometheus::text(&figures, now_ms / 1_000))
            }
            "/api/v1/health" if self.about.health.check => self.health(now_ms),
            "/api/v1/storage" if self.about.storage => ok(JSON, json::storage(&figures)),
            "/api/v2/reload" => ok(JSON, json::reloads(&figures)),
            "/api/v1/health" => page(StatusCode::NOT_FOUND, TEXT, "set `Health_Check on` in [SERVICE]\n".to_owned()),
            "/api/v1/storage" => {
                page(StatusCode::NOT_FOUND, TEXT, "set `storage.metrics on` in [SERVICE]\n".to_owned())
            }
            _ => page(StatusCode::NOT_FOUND, TEXT, "there is no such page\n".to_owned()),
        }
    }

    fn health(&self, now_ms: u64) -> Response<Full<Bytes>> {
        let unwell = health::seen(&self.board.read(), now_ms, self.about.health.stall_ms);
        if unwell.is_empty() {
            return page(StatusCode::OK, TEXT, "ok\n".to_owned());
        }
        let why: String = unwell.iter().map(|why| format!("{why}\n")).collect();
        page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("error\n{why}"))
    }
}

fn page(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    answer
}

#[cfg(test)]
mod tests;
