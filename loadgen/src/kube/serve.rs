//! Connections of the stand-in, and what it answers.

use std::{
    rc::Rc,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{Known, KubeMode, Setting};

/// Most connections at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 256;
/// How long a handshake or the head of a request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rest after a failed accept.
const REST: Duration = Duration::from_millis(10);

/// What all connections share.
pub(super) struct Server {
    pub(super) token: String,
    pub(super) acceptor: Option<TlsAcceptor>,
    pub(super) settings: watch::Receiver<Setting>,
    pub(super) known: Arc<Known>,
}

/// The connection is to be cut without an answer.
#[derive(Debug, Error)]
#[error("the connection was cut on purpose")]
struct Cut;

/// Accepts until told to stop.
pub(super) async fn accept(listener: std::net::TcpListener, server: Rc<Server>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut settings = server.settings.clone();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            changed = settings.changed() => if changed.is_err() || settings.borrow_and_update().is_over { return },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => { connections.spawn_local(connection(Rc::clone(&server), stream)); }
                // Out of descriptors, most likely: those in use will come free.
                Err(_) => sleep(REST).await,
            },
        }
    }
}

async fn connection(server: Rc<Server>, stream: TcpStream) {
    if server.settings.borrow().mode == KubeMode::Gone {
        add(&server.known.cut);
        // A reset, and not an end: nobody is there.
        let _ = stream.set_zero_linger();
        return;
    }
    match &server.acceptor {
        None => requests(&server, stream).await,
        Some(acceptor) => {
            // Whoever does not finish the handshake did not trust us, or was no client.
            if let Ok(Ok(stream)) = timeout(PATIENCE, acceptor.accept(stream)).await {
                requests(&server, stream).await;
            }
        }
    }
}

async fn requests(server: &Rc<Server>, stream: impl AsyncRead + AsyncWrite + Unpin) {
    let service = service_fn(|request| answer(Rc::clone(server), request));
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // How a connection ends is the client's affair; what it asked is counted.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(server: Rc<Server>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Cut> {
    let known = &server.known;
    add(&known.requests);
    let mode = server.settings.borrow().mode;
    match mode {
        KubeMode::Answer => {}
        KubeMode::Slow { ms } => {
            add(&known.slow);
            sleep(Duration::from_millis(ms)).await;
        }
        KubeMode::Refuse { status } => {
            add(&known.refused);
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            return Ok(failure(status, "refused on the bench's plan"));
        }
        KubeMode::Gone => {
            add(&known.cut);
            return Err(Cut);
        }
    }
    let bears = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !server.token.is_empty() && bears.strip_prefix("Bearer ") != Some(server.token.as_str()) {
        add(&known.unauthorized);
        return Ok(failure(StatusCode::UNAUTHORIZED, "Unauthorized"));
    }
    if request.method() != Method::GET {
        return Ok(failure(StatusCode::METHOD_NOT_ALLOWED, "the stand-in is only read"));
    }
    let found = lookup(known, request.uri().path());
    if found.is_none() {
        add(&known.not_found);
    }
    Ok(found.unwrap_or_else(|| failure(StatusCode::NOT_FOUND, "not found")))
}

fn lookup(known: &Known, path: &str) -> Option<Response<Full<Bytes>>> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let pods = known.pods();
    let list = |namespace: Option<&str>| {
        let items = pods.values().filter(|pod| namespace.is_none_or(|namespace| pod.namespace == namespace));
        let items: Vec<Value> = items.inspect(|pod| known.tells(pod)).map(super::Pod::json).collect();
        json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items})
    };
    let body = match parts.as_slice() {
        ["healthz" | "readyz" | "livez"] => return Some(Response::new(Full::from("ok"))),
        ["version"] => json!({"major": "1", "minor": "33", "gitVersion": "v1.33.0"}),
        ["api", "v1", "pods"] => list(None),
        ["api", "v1", "namespaces", namespace, "pods"] => list(Some(namespace)),
        ["api", "v1", "namespaces", namespace, "pods", name] => {
            let pod = pods.get(&((*namespace).to_owned(), (*name).to_owned()))?;
            known.tells(pod);
            pod.json()
        }
        _ => return None,
    };
    Some(respond(StatusCode::OK, &body))
}

/// An error as the API server words it.
fn failure(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    let reason: String = status.canonical_reason().unwrap_or_default().split(' ').collect();
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": status.as_u16(),
    });
    let mut response = respond(status, &body);
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    response
}

fn respond(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
