//! Requests over one kept-alive connection: JSON lines or one array, gzip if asked for.
//!
//! One request is in flight, so order is kept. Only a 2xx answer takes the batches; anything else, a broken
//! connection or no answer in time sends the same body again. 413 halves the request instead (see the parent).

use std::{ops::Range, sync::Arc, sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use hyper::StatusCode;
use thiserror::Error;

use super::{Context, again, backoff::Backoff, encode::Encoder, encode::Layout};
use crate::{
    config::plan::{HttpPlan, RetryLimit},
    parse::Batch,
};

mod connection;

use connection::Connection;

/// Why a request failed.
#[derive(Debug, Error)]
pub(super) enum HttpError {
    #[error("connect to {address}: {error}")]
    Connect { address: String, error: std::io::Error },
    #[error("connect to {address}: no answer within {limit_ms} ms; check that it listens there")]
    ConnectTimeout { address: String, limit_ms: u64 },
    #[error("talk to {address}: {error}")]
    Broken { address: String, error: hyper::Error },
    #[error("get an answer from {address} within {limit_ms} ms; raise http.response_timeout if it is only slow")]
    Timeout { address: String, limit_ms: u64 },
    #[error("deliver to {address}: it answered {status}")]
    Refused { address: String, status: StatusCode },
}

/// Records of one request: runs of records of batches.
type Pieces = Vec<(Arc<Batch>, Range<usize>)>;

pub(super) async fn run(name: String, plan: HttpPlan, retry: RetryLimit, context: Context) {
    let layout = if plan.array { Layout::Array } else { Layout::Lines };
    let mut output = HttpOutput {
        name,
        encoder: Encoder::new(plan.record.clone(), layout),
        connection: Connection::new(&plan),
        backoff: Backoff::new(context.seed),
        spare: Vec::new(),
        retry,
        plan,
    };
    while let Some(batches) = context.buffer.next(context.lane, output.plan.body_max, context.linger).await {
        let count = batches.len();
        let pieces = batches.into_iter().map(|batch| (Arc::clone(&batch), 0..batch.len())).collect();
        output.deliver(pieces, &context).await;
        context.buffer.taken(context.lane, count);
    }
}

struct HttpOutput {
    name: String,
    plan: HttpPlan,
    retry: RetryLimit,
    encoder: Encoder,
    connection: Connection,
    backoff: Backoff,
    spare: Vec<u8>,
}

impl HttpOutput {
    /// Returns when every record is taken or given up for a stated reason.
    async fn deliver(&mut self, pieces: Pieces, context: &Context) {
        let mut todo = vec![pieces];
        while let Some(pieces) = todo.pop() {
            let records: usize = pieces.iter().map(|(_, range)| range.len()).sum();
            if records == 0 {
                continue;
            }
            let body = self.body(&pieces);
            let sent = body.len();
            match self.send(&body, context).await {
                Ok(()) => context.counters.confirmed(records, sent),
                Err(HttpError::Refused { status: StatusCode::PAYLOAD_TOO_LARGE, .. }) if records > 1 => {
                    let (first, second) = halve(pieces, records / 2);
                    todo.extend([second, first]);
                }
                Err(error @ HttpError::Refused { status: StatusCode::PAYLOAD_TOO_LARGE, .. }) => {
                    context.counters.refused.fetch_add(records as u64, Ordering::Relaxed);
                    tracing::error!(output = self.name, %error, bytes = sent, "a record is too large for ever: dropped");
                }
                Err(error) => {
                    context.counters.dropped.fetch_add(records as u64, Ordering::Relaxed);
                    tracing::error!(output = self.name, %error, records, "Retry_Limit is reached: dropped");
                }
            }
            self.reclaim(body);
        }
    }

    fn body(&mut self, pieces: &Pieces) -> Bytes {
        let mut body = std::mem::take(&mut self.spare);
        body.clear();
        if self.plan.array {
            body.push(b'[');
        }
        for (batch, range) in pieces {
            self.encoder.batch(batch, range.clone(), &mut body);
        }
        if self.plan.array {
            // There is at least one record, and a comma behind the last.
            body.pop();
            body.push(b']');
        }
        if self.plan.gzip {
            return Bytes::from(compress(&body));
        }
        Bytes::from(body)
    }

    /// Keeps the memory of a body for the next one.
    fn reclaim(&mut self, body: Bytes) {
        if let Ok(body) = body.try_into_mut()
            && body.capacity() <= 4 * self.plan.body_max
        {
            self.spare = body.into();
        }
    }

    /// Sends until it is accepted; the error is final.
    async fn send(&mut self, body: &Bytes, context: &Context) -> Result<(), HttpError> {
        loop {
            let error = match self.connection.request(&self.plan, body.clone()).await {
                Ok(status) if status.is_success() => {
                    if self.backoff.failures() > 0 {
                        tracing::info!(output = self.name, failures = self.backoff.failures(), "delivers again");
                    }
                    self.backoff.reset();
                    return Ok(());
                }
                Ok(status) => HttpError::Refused { address: self.connection.address(), status },
                Err(error) => error,
            };
            let final_answer = matches!(error, HttpError::Refused { status: StatusCode::PAYLOAD_TOO_LARGE, .. });
            let pause = self.backoff.pause();
            if final_answer || !again(self.retry, self.backoff.failures()) {
                self.backoff.reset();
                return Err(error);
            }
            context.counters.retries.fetch_add(1, Ordering::Relaxed);
            if self.backoff.failures().is_power_of_two() {
                let failures = self.backoff.failures();
                tracing::warn!(output = self.name, %error, failures, pause_ms = pause.as_millis() as u64, "tries again");
            }
            tokio::time::sleep(pause).await;
        }
    }
}

/// The first `count` records, and the rest.
fn halve(pieces: Pieces, mut count: usize) -> (Pieces, Pieces) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (batch, range) in pieces {
        let here = count.min(range.len());
        let middle = range.start + here;
        count -= here;
        if here > 0 {
            first.push((Arc::clone(&batch), range.start..middle));
        }
        if middle < range.end {
            second.push((batch, middle..range.end));
        }
    }
    (first, second)
}

fn compress(body: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::with_capacity(body.len() / 4), flate2::Compression::fast());
    encoder.write_all(body).expect("memory takes every byte");
    encoder.finish().expect("memory takes every byte")
}

/// A limit of the plan as a duration.
fn limit(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[cfg(test)]
pub(crate) mod tests;
