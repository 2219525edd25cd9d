//! HTTP requests over one kept-alive connection, made when needed, thrown away after any doubt about its state.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode, client::conn::http1, client::conn::http1::SendRequest, header};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::time::{Instant, timeout};

use super::net::{Dialer, Net, NetError};

/// Why a request failed.
#[derive(Debug, Error)]
pub(super) enum HttpError {
    #[error(transparent)]
    Net(#[from] NetError),
    #[error("talk to {address}: {error}")]
    Broken { address: String, error: hyper::Error },
    #[error("get an answer from {address} within {limit_ms} ms; raise the timeout if it is only slow")]
    Timeout { address: String, limit_ms: u64 },
    #[error("deliver to {address}: it answered {status}{}", shown(.text))]
    Refused { address: String, status: StatusCode, text: String, after: Option<Duration> },
}

fn shown(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" ({text:?})") }
}

/// What a server answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// How long it asks to be left alone.
    pub(super) after: Option<Duration>,
    /// The body, empty if it was longer than was asked for or broke off.
    pub(super) body: Bytes,
    /// Whether the body is all there.
    pub(super) whole: bool,
}

/// Longest part of an answer that is told in messages, bytes.
const SHOWN_MAX: usize = 200;

impl Answer {
    /// The error that it is.
    pub(super) fn refused(self, address: String) -> HttpError {
        let text: String = String::from_utf8_lossy(&self.body[..self.body.len().min(SHOWN_MAX)]).into_owned();
        HttpError::Refused { address, status: self.status, text: text.trim().to_owned(), after: self.after }
    }
}

pub(super) struct Client {
    dialer: Dialer,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    sender: SendRequest<Full<Bytes>>,
    since: Instant,
    used: u64,
}

impl Client {
    pub(super) fn new(net: Net) -> Self {
        Self { dialer: Dialer::new(net), open: None }
    }

    /// `host:port`, also the value of the header `Host`.
    pub(super) fn address(&self) -> String {
        self.dialer.net.address()
    }

    /// Sends one request and reads its answer to the end, at most `answer_max` bytes of it.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>, answer_max: usize) -> Result<Answer, HttpError> {
        let mut open = self.ready().await?;
        let (address, limit_ms) = (self.address(), self.dialer.net.answer_timeout_ms);
        let broken = |error| HttpError::Broken { address: address.clone(), error };
        let exchange = async {
            open.sender.ready().await.map_err(broken)?;
            let response = open.sender.send_request(request).await.map_err(broken)?;
            let (status, after) = (response.status(), after(response.headers()));
            // The status counts even if the rest of the answer breaks off: the server has decided.
            let body = Limited::new(response.into_body(), answer_max).collect().await;
            let whole = body.is_ok();
            let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            Ok(Answer { status, after, body, whole })
        };
        match timeout(Duration::from_millis(limit_ms), exchange).await {
            Ok(Ok(answer)) => {
                let keep = self.dialer.net.keep;
                let again = answer.whole && keep.alive && (keep.times == 0 || open.used + 1 < keep.times);
                if again {
                    self.open = Some(Open { used: open.used + 1, since: Instant::now(), ..open });
                }
                Ok(answer)
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(HttpError::Timeout { address, limit_ms }),
        }
    }

    /// A connection that may be used.
    async fn ready(&mut self) -> Result<Open, HttpError> {
        let idle = Duration::from_millis(self.dialer.net.keep.idle_ms);
        if let Some(open) = self.open.take().filter(|open| !open.sender.is_closed() && open.since.elapsed() < idle) {
            return Ok(open);
        }
        let stream = self.dialer.connect().await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| HttpError::Broken { address: self.address(), error })?;
        tokio::spawn(async move {
            // Its error comes to the sender as well.
            let _ = connection.await;
        });
        Ok(Open { sender, since: Instant::now(), used: 0 })
    }
}

/// `Retry-After` in seconds; a date, which may be on another clock, is not honoured.
fn after(headers: &header::HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// `user:password` as a header of basic authentication.
pub(super) fn basic(user: &str, password: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = format!("{user}:{password}");
    let mut out = String::from("Basic ");
    for part in text.as_bytes().chunks(3) {
        let word = part.iter().fold(0u32, |word, &byte| word << 8 | u32::from(byte)) << (8 * (3 - part.len()));
        for digit in 0..4 {
            let sextet = (word >> (18 - 6 * digit)) as usize & 63;
            out.push(if digit <= part.len() { char::from(ALPHABET[sextet]) } else { '=' });
        }
    }
    out
}

/// A body, compressed by gzip.
pub(super) fn gzip(body: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::with_capacity(body.len() / 4), flate2::Compression::fast());
    encoder.write_all(body).expect("memory takes every byte");
    encoder.finish().expect("memory takes every byte")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_password_are_encoded_as_the_standard_shows() {
        assert_eq!(basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(basic("a", "b"), "Basic YTpi");
        assert_eq!(basic("a", ""), "Basic YTo=");
    }
}
