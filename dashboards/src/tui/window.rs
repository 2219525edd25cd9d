//! Which stretch of time the lanes show, and where its moments stand.

use std::ops::Range;

/// The shortest stretch that can be zoomed to, microseconds.
const SHORTEST_US: u64 = 1_000_000;

/// How far the lanes are zoomed in, and how far they are moved into the past.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Zoom {
    /// How often the stretch was halved.
    pub halvings: u8,
    /// How many quarters of the stretch its end lies before now.
    pub back: u32,
}

/// The stretch of time that the lanes show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its begin, microseconds since the start of the run.
    pub from_us: u64,
    /// Its end; later than its begin.
    pub until_us: u64,
}

impl Window {
    /// The stretch for a run that stands at `now_us` and is meant to last `whole_us`.
    pub fn new(zoom: Zoom, now_us: u64, whole_us: u64) -> Self {
        let whole_us = whole_us.max(now_us).max(SHORTEST_US);
        if zoom.halvings == 0 {
            return Self { from_us: 0, until_us: whole_us };
        }
        let length_us = (whole_us >> zoom.halvings.min(40)).max(SHORTEST_US.min(whole_us));
        let back_us = (length_us / 4).saturating_mul(u64::from(zoom.back));
        let until_us = now_us.saturating_sub(back_us).max(length_us);
        Self { from_us: until_us - length_us, until_us }
    }

    /// The stretch of the column `at` of `of`.
    pub(super) fn column(self, at: u16, of: u16) -> Range<u64> {
        let length = u128::from(self.until_us - self.from_us);
        let edge = |at: u16| self.from_us + (length * u128::from(at) / u128::from(of.max(1))) as u64;
        edge(at)..edge(at + 1).max(edge(at) + 1)
    }

    /// How many quarters of it lie between the begin of the run and its place at `now_us`.
    pub(super) fn quarters_back(self, now_us: u64) -> u32 {
        let length_us = self.until_us - self.from_us;
        let back = now_us.saturating_sub(length_us).div_ceil((length_us / 4).max(1));
        u32::try_from(back).unwrap_or(u32::MAX)
    }

    /// The column of a moment, if it is within.
    pub(super) fn place(self, t_us: u64, of: u16) -> Option<u16> {
        let within = t_us.checked_sub(self.from_us).filter(|_| t_us <= self.until_us)?;
        let at = u128::from(within) * u128::from(of) / u128::from(self.until_us - self.from_us);
        Some((at as u16).min(of.saturating_sub(1)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_window_is_never_empty_and_its_columns_cover_it(
            halvings in 0u8..60, back in 0u32..2000, now in 0u64..1 << 60, whole in 0u64..1 << 60, of in 1u16..400,
        ) {
            let window = Window::new(Zoom { halvings, back }, now, whole);
            prop_assert!(window.until_us > window.from_us);
            prop_assert_eq!(window.column(0, of).start, window.from_us);
            for at in 1..of {
                prop_assert!(window.column(at - 1, of).end >= window.column(at, of).start);
            }
            prop_assert!(window.place(window.from_us, of) == Some(0));
            prop_assert!(window.place(window.until_us, of) == Some(of - 1));
            prop_assert_eq!(window.place(window.until_us + 1, of), None);
        }
    }

    #[test]
    fn zoomed_in_the_end_is_now_and_moves_into_the_past_by_quarters() {
        let window = |halvings, back| Window::new(Zoom { halvings, back }, 80_000_000, 160_000_000);
        assert_eq!(window(0, 0), Window { from_us: 0, until_us: 160_000_000 });
        assert_eq!(window(2, 0), Window { from_us: 40_000_000, until_us: 80_000_000 });
        assert_eq!(window(2, 1), Window { from_us: 30_000_000, until_us: 70_000_000 });
        assert_eq!(window(2, 100), Window { from_us: 0, until_us: 40_000_000 });
        assert_eq!(window(2, 0).quarters_back(80_000_000), 4);
        assert_eq!(window(2, 4), window(2, 5));
        assert_ne!(window(2, 3), window(2, 4));
    }
}
