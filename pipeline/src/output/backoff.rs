//! How long to pause before the next try: doubling from `scheduler.base` to `scheduler.cap` (unless stated: 50 ms and
//! 1 s), each between half and the whole of it, so that many senders that failed together do not come back together.

use std::time::Duration;

/// The shortest and the longest pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    /// The first, ms.
    pub first_ms: u64,
    /// The longest, ms.
    pub most_ms: u64,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { first_ms: 50, most_ms: 1_000 }
    }
}

/// The pauses of one output.
#[derive(Debug, Clone)]
pub struct Backoff {
    pauses: Pauses,
    state: u64,
    failures: u32,
}

impl Backoff {
    /// Pauses that depend on `seed` only.
    pub fn new(seed: u64, pauses: Pauses) -> Self {
        Self { pauses, state: seed, failures: 0 }
    }

    /// A delivery succeeded.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// A delivery failed: how long to pause.
    pub fn pause(&mut self) -> Duration {
        let Pauses { first_ms, most_ms } = self.pauses;
        let whole = first_ms.saturating_mul(1 << self.failures.min(16)).min(most_ms);
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(whole / 2 + self.random() % (whole / 2 + 1))
    }

    /// Splitmix64: the quality of the bits does not matter here, that they come from the seed does.
    pub(crate) fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_limit_and_start_again_after_a_success() {
        let mut backoff = Backoff::new(7, Pauses::default());
        let pauses: Vec<u128> = (0..40).map(|_| backoff.pause().as_millis()).collect();
        assert!((25..=50).contains(&pauses[0]) && (50..=100).contains(&pauses[1]), "{pauses:?}");
        assert!(pauses[6..].iter().all(|pause| (500..=1_000).contains(pause)), "{pauses:?}");
        backoff.reset();
        assert!(backoff.pause().as_millis() <= 50);
    }
}
