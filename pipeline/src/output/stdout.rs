//! JSON lines on standard output.

use std::{io::Write, sync::atomic::Ordering};

use super::{Context, again, backoff::Backoff, encode::Encoder, encode::Layout};
use crate::config::plan::{RecordFormat, RetryLimit};

const BYTES: usize = 256 << 10;

pub(super) async fn run(name: String, format: RecordFormat, retry: RetryLimit, context: Context) {
    let mut encoder = Encoder::new(format, Layout::Lines);
    let mut backoff = Backoff::new(context.seed);
    let mut lines = Vec::new();
    while let Some(batches) = context.buffer.next(context.lane, BYTES, context.linger).await {
        lines.clear();
        for batch in &batches {
            encoder.batch(batch, 0..batch.len(), &mut lines);
        }
        let records: usize = batches.iter().map(|batch| batch.len()).sum();
        loop {
            let mut stdout = std::io::stdout().lock();
            let Err(error) = stdout.write_all(&lines).and_then(|()| stdout.flush()) else {
                context.counters.confirmed(records, lines.len());
                backoff.reset();
                break;
            };
            drop(stdout);
            let pause = backoff.pause();
            if !again(retry, backoff.failures()) {
                context.counters.dropped.fetch_add(records as u64, Ordering::Relaxed);
                tracing::error!(output = name, %error, records, "Retry_Limit is reached: dropped");
                break;
            }
            context.counters.retries.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(output = name, %error, "tries again");
            tokio::time::sleep(pause).await;
        }
        context.buffer.taken(context.lane, batches.len());
    }
}
