//! Asks the API server, on a thread of its own, with a few questions at a time.
//!
//! What is not there (404), refused (403) or too large is answered so at once. A server that is away, slow or busy (429,
//! 5xx), or that does not know the container yet, is asked again with growing pauses for up to [`PATIENCE_MS`].

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    sync::{Semaphore, mpsc},
    time::{Instant, sleep, timeout},
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use super::{
    meta::Meta,
    pod::{Key, Pod},
};
use crate::{
    filter::chain::Wake,
    wire::{stream::Stream, tls::TlsClient},
};

/// Questions at a time.
const AT_ONCE: usize = 8;
/// The longest that one attempt may take, ms.
const ATTEMPT_MS: u64 = 10_000;
/// The longest that a question is repeated, ms.
const PATIENCE_MS: u64 = 60_000;
/// The pauses between attempts, ms.
const PAUSE_MS: (u64, u64) = (100, 5_000);

/// Where and how to ask.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Option<TlsClient>,
    pub(super) token: PathBuf,
    pub(super) token_ttl_ms: u64,
    /// Longest answer, bytes.
    pub(super) answer_max: usize,
    /// Folder with answers in files, looked into first.
    pub(super) preload: Option<PathBuf>,
}

/// `https://host:port`: whether it is TLS, host, port.
pub(super) fn address(text: &str) -> Option<(bool, String, u16)> {
    let (tls, rest) = match text.split_once("://")? {
        ("https", rest) => (true, rest),
        ("http", rest) => (false, rest),
        _ => return None,
    };
    let rest = rest.trim_end_matches('/');
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') && !port.contains(']') => (host, port.parse().ok()?),
        _ => (rest, if tls { 443 } else { 80 }),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte));
    (!host.is_empty() && plain && port > 0).then(|| (tls, host.to_owned(), port))
}

pub(super) type Answer = Result<Meta, String>;

/// The thread, and what it has heard.
#[derive(Debug)]
pub(super) struct Fetcher {
    /// The thread ends when it is dropped.
    questions: mpsc::UnboundedSender<Arc<Pod>>,
    answers: Arc<Mutex<Vec<(Key, Answer)>>>,
}

impl Fetcher {
    pub(super) fn start(server: Server, wake: Wake) -> Result<Self, String> {
        let tls = server.tls.as_ref().map(|client| client.connector(&server.host)).transpose();
        let tls = tls.map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("{error}; check the limits of the process"))?;
        let (questions, asked) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(Vec::new()));
        let client = Arc::new(Client { server, tls, token: Mutex::new(None), turns: Semaphore::new(AT_ONCE) });
        let heard = Arc::clone(&answers);
        std::thread::Builder::new()
            .name("kubernetes".to_owned())
            .spawn(move || runtime.block_on(serve(client, asked, heard, wake)))
            .map_err(|error| format!("{error}; check the limits of the process"))?;
        Ok(Self { questions, answers })
    }

    pub(super) fn ask(&self, pod: &Arc<Pod>) {
        // The thread lives as long as this.
        let _ = self.questions.send(Arc::clone(pod));
    }

    pub(super) fn answers(&self) -> Vec<(Key, Answer)> {
        std::mem::take(&mut *self.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn serve(
    client: Arc<Client>,
    mut asked: mpsc::UnboundedReceiver<Arc<Pod>>,
    heard: Arc<Mutex<Vec<(Key, Answer)>>>,
    wake: Wake,
) {
    while let Some(pod) = asked.recv().await {
        let (client, heard, wake) = (Arc::clone(&client), Arc::clone(&heard), wake.clone());
        tokio::spawn(async move {
            let answer = client.ask(&pod).await;
            heard.lock().unwrap_or_else(PoisonError::into_inner).push((pod.key.clone(), answer));
            wake.wake();
        });
    }
}

/// Why an attempt failed.
enum Failed {
    /// It is of no use to ask again.
    ForGood(String),
    /// It may be different soon.
    ForNow(String),
}

/// What asks.
struct Client {
    server: Server,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// As it was read last, and when.
    token: Mutex<Option<(Instant, String)>>,
    turns: Semaphore,
}

impl Client {
    async fn ask(&self, pod: &Pod) -> Answer {
        if let Some(meta) = self.preloaded(pod) {
            return Ok(meta);
        }
        let mut pause_ms = PAUSE_MS.0;
        let mut waited_ms = 0;
        loop {
            let turn = self.turns.acquire().await;
            let attempt = timeout(Duration::from_millis(ATTEMPT_MS), self.attempt(pod)).await;
            drop(turn);
            let reason = match attempt {
                Ok(Ok(meta)) if meta.is_of(pod) => return Ok(meta),
                Ok(Ok(_)) => "the API server knows another pod of this name".to_owned(),
                Ok(Err(Failed::ForGood(reason))) => return Err(reason),
                Ok(Err(Failed::ForNow(reason))) => reason,
                Err(_) => {
                    waited_ms += ATTEMPT_MS;
                    "the API server does not answer; check Kube_URL".to_owned()
                }
            };
            if waited_ms >= PATIENCE_MS {
                return Err(reason);
            }
            sleep(Duration::from_millis(pause_ms)).await;
            waited_ms += pause_ms;
            pause_ms = (pause_ms * 2).min(PAUSE_MS.1);
        }
    }

    /// An answer from a file.
    fn preloaded(&self, pod: &Pod) -> Option<Meta> {
        let folder = self.server.preload.as_ref()?;
        let path = folder.join(format!("{}_{}.meta", pod.key.namespace, pod.key.name));
        let about = std::fs::metadata(&path).ok()?;
        let small = about.is_file() && about.len() <= self.server.answer_max as u64;
        let meta: Meta = serde_json::from_slice(&std::fs::read(path).ok().filter(|_| small)?).ok()?;
        meta.is_of(pod).then_some(meta)
    }

    async fn attempt(&self, pod: &Pod) -> Result<Meta, Failed> {
        let Server { host, port, answer_max, .. } = &self.server;
        let broken = |error: &dyn std::fmt::Display| Failed::ForNow(format!("{host}:{port}: {error}; check Kube_URL"));
        let stream = self.connect().await.map_err(|error| broken(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        tokio::spawn(async move {
            // Its error comes to the sender as well.
            let _ = connection.await;
        });
        let Key { namespace, name, .. } = &pod.key;
        let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let mut request = Request::get(format!("/api/v1/namespaces/{namespace}/pods/{name}"))
            .header(header::HOST, authority)
            .header(header::ACCEPT, "application/json");
        if let Some(token) = self.token() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Empty::<Bytes>::new());
        let request = request.map_err(|_| Failed::ForGood("the token is no text; check Kube_Token_File".to_owned()))?;
        let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
        let status = response.status();
        let again = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
        if status == StatusCode::UNAUTHORIZED {
            // A token that was renewed meanwhile is read at the next attempt.
            *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        if status != StatusCode::OK {
            let said = format!("the API server answers {status}");
            return Err(if again || status == StatusCode::UNAUTHORIZED {
                Failed::ForNow(said)
            } else {
                Failed::ForGood(said)
            });
        }
        let body = Limited::new(response.into_body(), *answer_max).collect().await.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                Failed::ForGood(format!("the answer is longer than {answer_max} bytes; raise Buffer_Size"))
            } else {
                broken(&error)
            }
        })?;
        serde_json::from_slice(&body.to_bytes())
            .map_err(|error| Failed::ForGood(format!("the answer is no pod: {error}; check Kube_URL")))
    }

    async fn connect(&self) -> std::io::Result<Stream> {
        let stream = TcpStream::connect((self.server.host.as_str(), self.server.port)).await?;
        Ok(match &self.tls {
            None => Box::new(stream),
            Some((connector, name)) => Box::new(connector.connect(name.clone(), stream).await?),
        })
    }

    /// The token, read again from time to time; none: it asks without.
    fn token(&self) -> Option<String> {
        let mut known = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let ttl = Duration::from_millis(self.server.token_ttl_ms);
        if let Some((since, token)) = &*known
            && since.elapsed() < ttl
        {
            return Some(token.clone());
        }
        let text = std::fs::read_to_string(&self.server.token).ok()?;
        let token = text.trim().to_owned();
        *known = Some((Instant::now(), token.clone()));
        Some(token).filter(|token| !token.is_empty())
    }
}
