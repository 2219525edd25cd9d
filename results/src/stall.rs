//! Noticing a stream that has stopped: records were written after its last progress, and none arrives.
//!
//! The clock stands while the sink is sick or the agent is down or paused: nobody can deliver then. A stream
//! whose remaining records were lost earlier does not stall: its deliveries went on after the last write.

use crate::{
    event::{Stall, StreamSample},
    identity::StreamId,
};

/// Watches the streams of a run.
#[derive(Debug)]
pub struct StallDetector {
    limit_us: u64,
    /// Time during which deliveries were possible, microseconds.
    healthy_us: u64,
    last_us: Option<u64>,
    streams: Vec<Watched>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Watched {
    sample: StreamSample,
    /// Records written when it last made progress.
    written_then: u64,
    /// When that was, on the clock of the run and on the healthy clock.
    progress_us: u64,
    progress_healthy_us: u64,
    stalled: bool,
}

impl StallDetector {
    /// A detector for streams that may stand still for `limit_us` at most.
    pub fn new(limit_us: u64) -> Self {
        Self { limit_us, healthy_us: 0, last_us: None, streams: Vec::new() }
    }

    /// Takes a look at all streams; returns the stalls that began (`until_us` is `None`) or ended just now.
    pub fn observe(&mut self, t_us: u64, samples: &[StreamSample], sink_healthy: bool, agent_up: bool) -> Vec<Stall> {
        let passed = t_us.saturating_sub(self.last_us.replace(t_us).unwrap_or(t_us));
        if sink_healthy && agent_up {
            self.healthy_us += passed;
        }
        let fresh = Watched { progress_us: t_us, progress_healthy_us: self.healthy_us, ..Watched::default() };
        if self.streams.len() < samples.len() {
            self.streams.resize(samples.len(), fresh);
        }
        let (limit_us, healthy_us) = (self.limit_us, self.healthy_us);
        let streams = self.streams.iter_mut().zip(samples).enumerate();
        streams
            .filter_map(|(at, (watched, &now))| watched.look(StreamId(at as u16), t_us, healthy_us, limit_us, now))
            .collect()
    }

    /// The stalls that have not ended.
    pub fn standing(&self) -> Vec<Stall> {
        let stalled = self.streams.iter().enumerate().filter(|(_, watched)| watched.stalled);
        stalled
            .map(|(at, watched)| Stall { stream: StreamId(at as u16), from_us: watched.progress_us, until_us: None })
            .collect()
    }
}

impl Watched {
    fn look(
        &mut self,
        stream: StreamId,
        t_us: u64,
        healthy_us: u64,
        limit_us: u64,
        now: StreamSample,
    ) -> Option<Stall> {
        let StreamSample(written, delivered) = now;
        let from_us = self.progress_us;
        if delivered > self.sample.1 || written <= delivered {
            let ended = std::mem::take(&mut self.stalled);
            *self = Self {
                sample: now,
                written_then: written,
                progress_us: t_us,
                progress_healthy_us: healthy_us,
                stalled: false,
            };
            return ended.then_some(Stall { stream, from_us, until_us: Some(t_us) });
        }
        self.sample = now;
        let waiting = written > self.written_then;
        if self.stalled || !waiting || healthy_us - self.progress_healthy_us <= limit_us {
            return None;
        }
        self.stalled = true;
        Some(Stall { stream, from_us, until_us: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn see(detector: &mut StallDetector, t_s: u64, written: u64, delivered: u64) -> Vec<Stall> {
        detector.observe(t_s * SECOND, &[StreamSample(written, delivered)], true, true)
    }

    #[test]
    fn a_stream_that_stops_is_reported_once_with_its_last_progress_and_again_when_it_moves() {
        let mut detector = StallDetector::new(3 * SECOND);
        assert_eq!(see(&mut detector, 0, 10, 0), []);
        assert_eq!(see(&mut detector, 1, 20, 10), []);
        assert_eq!(see(&mut detector, 4, 50, 10), [], "exactly the limit is still allowed");
        let stall = Stall { stream: StreamId(0), from_us: SECOND, until_us: None };
        assert_eq!(see(&mut detector, 5, 60, 10), std::slice::from_ref(&stall));
        assert_eq!(see(&mut detector, 9, 60, 10), []);
        assert_eq!(detector.standing(), [stall]);
        let ended = Stall { stream: StreamId(0), from_us: SECOND, until_us: Some(10 * SECOND) };
        assert_eq!(see(&mut detector, 10, 60, 11), [ended]);
        assert_eq!(detector.standing(), []);
    }

    #[test]
    fn the_clock_stands_while_the_sink_is_sick_or_the_agent_is_down() {
        let mut detector = StallDetector::new(2 * SECOND);
        see(&mut detector, 0, 10, 5);
        for t in 1..100 {
            let samples = [StreamSample(10 + t, 5)];
            assert_eq!(detector.observe(t * SECOND, &samples, t % 2 == 0, t % 2 == 1), []);
        }
        assert_eq!(see(&mut detector, 101, 200, 5), []);
        assert_eq!(see(&mut detector, 102, 200, 5).len(), 1);
    }

    #[test]
    fn nothing_undelivered_or_losses_of_long_ago_are_no_stall() {
        let mut detector = StallDetector::new(2 * SECOND);
        for t in 0..50 {
            assert_eq!(see(&mut detector, t, 10, 10), []);
        }
        let mut detector = StallDetector::new(2 * SECOND);
        see(&mut detector, 0, 100, 0);
        see(&mut detector, 1, 100, 90);
        for t in 2..50 {
            assert_eq!(see(&mut detector, t, 100, 90), [], "10 records are lost, but nothing stopped");
        }
    }
}
