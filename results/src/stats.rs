//! Statistics of few, noisy measurements: what a handful of runs allows to say, and how sure one may be.
//!
//! ```text
//!  values ──▶ trimmed ──▶ centre ± t · s   s from a bootstrap, t from Student's distribution      interval
//!  replicates ──▶ looks ──▶ how much of the error budget this many may spend                      looks
//! ```
//! Everything is computed in logarithms, so that a change is a ratio. No clock and no chance: the bootstrap is seeded, the
//! same values yield the same answer.

mod interval;
pub mod looks;
mod shape;
mod trimmed;

#[cfg(test)]
mod coverage;

pub use interval::{Interval, paired, unpaired};
pub use shape::{Shape, shape};
pub use trimmed::{bootstrap_error, trimmed_mean};

/// Whether tests of chance are to take their full length.
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests are longer in CI")]
pub(crate) fn in_full() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}
