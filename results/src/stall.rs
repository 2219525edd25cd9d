//! Noticing a stream that has stopped: records were written after its last progress, and none arrives.
//!
//! The clock of a stream on a route stands while nobody can deliver it there: the sink of that route is sick, a process or
//! a link on the way is down. What is out of order elsewhere excuses nothing. A stream whose remaining records were lost
//! earlier does not stall: its deliveries went on after the last write.

use crate::{
    event::{Stall, StreamSample},
    identity::StreamId,
};

/// Watches the streams of a run.
#[derive(Debug)]
pub struct StallDetector {
    limit_us: u64,
    last_us: Option<u64>,
    /// Index = entry of the books.
    streams: Vec<Watched>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Watched {
    sample: StreamSample,
    /// Records written when it last made progress.
    written_then: u64,
    /// When that was.
    progress_us: u64,
    /// Time since then in which deliveries were possible, microseconds.
    able_us: u64,
    stalled: bool,
}

impl StallDetector {
    /// A detector for streams that may stand still for `limit_us` at most.
    pub fn new(limit_us: u64) -> Self {
        Self { limit_us, last_us: None, streams: Vec::new() }
    }

    /// Takes a look at all entries of the books; returns the stalls that began (`until_us` is `None`) or ended just now.
    /// `can_move` says whether deliveries of an entry are possible: its way is whole, and its sink is well.
    pub fn observe(&mut self, t_us: u64, samples: &[StreamSample], can_move: impl Fn(StreamId) -> bool) -> Vec<Stall> {
        let passed_us = t_us.saturating_sub(self.last_us.replace(t_us).unwrap_or(t_us));
        for (at, watched) in self.streams.iter_mut().enumerate() {
            watched.able_us += if can_move(StreamId(at as u16)) { passed_us } else { 0 };
        }
        if self.streams.len() < samples.len() {
            self.streams.resize(samples.len(), Watched { progress_us: t_us, ..Watched::default() });
        }
        let limit_us = self.limit_us;
        let streams = self.streams.iter_mut().zip(samples).enumerate();
        streams.filter_map(|(at, (watched, &now))| watched.look(StreamId(at as u16), t_us, limit_us, now)).collect()
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
    fn look(&mut self, stream: StreamId, t_us: u64, limit_us: u64, now: StreamSample) -> Option<Stall> {
        let StreamSample(written, delivered) = now;
        let from_us = self.progress_us;
        if delivered > self.sample.1 || written <= delivered {
            let ended = std::mem::take(&mut self.stalled);
            *self = Self { sample: now, written_then: written, progress_us: t_us, able_us: 0, stalled: false };
            return ended.then_some(Stall { stream, from_us, until_us: Some(t_us) });
        }
        self.sample = now;
        let waiting = written > self.written_then;
        if self.stalled || !waiting || self.able_us <= limit_us {
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
        detector.observe(t_s * SECOND, &[StreamSample(written, delivered)], |_| true)
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
    fn the_clock_stands_while_nobody_can_deliver() {
        let mut detector = StallDetector::new(2 * SECOND);
        see(&mut detector, 0, 10, 5);
        for t in 1..100 {
            let samples = [StreamSample(10 + t, 5)];
            assert_eq!(detector.observe(t * SECOND, &samples, |_| false), []);
        }
        assert_eq!(see(&mut detector, 101, 200, 5), []);
        assert_eq!(see(&mut detector, 102, 200, 5).len(), 1);
    }

    #[test]
    fn a_route_that_is_taken_away_is_not_accused_and_excuses_no_stall_on_another() {
        let (gone, well) = (StreamId(0), StreamId(1));
        let mut detector = StallDetector::new(3 * SECOND);
        let mut stalls = Vec::new();
        for t in 0..=200 {
            // Neither moves; of the first nobody can expect it until it is back at 100 s.
            let samples = [StreamSample(10 + t, 5), StreamSample(10 + t, 5)];
            let said = detector.observe(t * SECOND, &samples, |entry| entry == well || t > 100);
            stalls.extend(said.into_iter().map(|stall| (t, stall.stream)));
        }
        // At first sight both had delivered: the limit counts from there, and from the end of the outage.
        assert_eq!(stalls, [(4, well), (104, gone)]);
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
