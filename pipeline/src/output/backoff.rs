//! How long to pause before the next try: doubling from 50 ms to 1 s, each between half and the whole of it, so
//! that many senders that failed together do not come back together.

use std::time::Duration;

const FIRST_MS: u64 = 50;
const MOST_MS: u64 = 1_000;

/// The pauses of one output.
#[derive(Debug, Clone)]
pub struct Backoff {
    state: u64,
    failures: u32,
}

impl Backoff {
    /// Pauses that depend on `seed` only.
    pub fn new(seed: u64) -> Self {
        Self { state: seed, failures: 0 }
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
        let whole = FIRST_MS.saturating_mul(1 << self.failures.min(16)).min(MOST_MS);
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(whole / 2 + self.random() % (whole / 2 + 1))
    }

    /// Splitmix64: the quality of the bits does not matter here, that they come from the seed does.
    fn random(&mut self) -> u64 {
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
        let mut backoff = Backoff::new(7);
        let pauses: Vec<u128> = (0..40).map(|_| backoff.pause().as_millis()).collect();
        assert!((25..=50).contains(&pauses[0]) && (50..=100).contains(&pauses[1]), "{pauses:?}");
        assert!(pauses[6..].iter().all(|pause| (500..=1_000).contains(pause)), "{pauses:?}");
        backoff.reset();
        assert!(backoff.pause().as_millis() <= 50);
    }
}
