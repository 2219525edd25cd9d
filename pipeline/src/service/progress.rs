//! What the log says while the service runs: once that it is ready, then a line of counters every few seconds.

use std::sync::atomic::Ordering;

use super::{Ended, Service};

const PERIOD_MS: u64 = 5_000;

#[derive(Debug, Default)]
pub(super) struct Progress {
    ready: bool,
    next_ms: u64,
}

impl Progress {
    pub(super) fn tick(&mut self, service: &Service, now_ms: u64) {
        if !self.ready && service.inputs.iter().all(|input| input.up) {
            self.ready = true;
            self.next_ms = now_ms + PERIOD_MS;
            tracing::info!(inputs = service.inputs.len(), outputs = service.outputs.len(), after_ms = now_ms, "ready");
        }
        if self.ready && now_ms >= self.next_ms {
            self.next_ms = now_ms + PERIOD_MS;
            report(service, "progress");
        }
    }

    #[expect(clippy::unused_self, reason = "the last line belongs to the same log")]
    pub(super) fn last(&self, service: &Service, ended: Ended) {
        report(service, "end");
        match ended {
            Ended::Drained => tracing::info!("drained: everything that was read is delivered"),
            Ended::GraceOver => tracing::warn!(
                waiting_bytes = waiting(service),
                "the grace time is over; what waits is read again at the next start"
            ),
            Ended::AtOnce => tracing::warn!(waiting_bytes = waiting(service), "asked twice: ended at once"),
        }
    }
}

fn waiting(service: &Service) -> usize {
    service.buffer.waiting()
}

fn report(service: &Service, what: &'static str) {
    for input in &service.inputs {
        let index = input.index;
        let (parsed, tailed) = (input.parsed(), input.tailed());
        tracing::info!(
            input = index,
            bytes = tailed.bytes,
            records = parsed.records,
            unparsed = parsed.unparsed,
            joined = parsed.joined,
            split = parsed.split,
            opened = tailed.files_opened,
            closed = tailed.files_closed,
            rotations = tailed.rotations,
            recovered = tailed.recovered,
            missing = tailed.missing,
            truncations = tailed.truncations,
            long_lines = tailed.long_lines,
            errors = tailed.errors,
            waiting_bytes = service.buffer.used(index),
            pauses = input.pauses,
            unrouted = service.buffer.unrouted(),
            "{what}"
        );
    }
    let of = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    for listener in &service.listeners {
        let counters = &listener.counters;
        tracing::info!(
            input = listener.name,
            bytes = of(&counters.bytes),
            records = of(&counters.records),
            malformed = of(&counters.malformed),
            lost = of(&counters.lost),
            "{what}"
        );
    }
    for (name, counters) in service.chain.counters() {
        tracing::info!(
            filter = name,
            records = of(&counters.records),
            dropped = of(&counters.dropped),
            added = of(&counters.added),
            failed = of(&counters.failed),
            held = of(&counters.held),
            "{what}"
        );
    }
    for output in &service.outputs {
        let counters = &output.counters;
        tracing::info!(
            output = output.name,
            deliveries = of(&counters.deliveries),
            records = of(&counters.records),
            bytes = of(&counters.bytes),
            retries = of(&counters.retries),
            dropped = of(&counters.dropped),
            refused = of(&counters.refused),
            "{what}"
        );
    }
}
