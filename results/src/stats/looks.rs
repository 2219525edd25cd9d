//! Looking at the data before all of it is there, without fooling oneself.
//!
//! Whoever looks after every run and stops at the first alarm will see one sooner or later. So looks happen at fixed numbers of
//! replicates only, and each may spend a part of the error that is allowed for the whole session:
//!
//! ```text
//!  replicates      5      7     10     14     20     28     40
//!  spent so far   1/8   7/40   1/4   7/20   1/2    7/10     1     of alpha: in proportion to what is known
//! ```
//! The parts add up to the whole, so the bound holds however the looks depend on each other (it is a union bound). Replicates
//! beyond the last look reached are kept for the next: looking twice at the same number shows the same.

/// The numbers of replicates (of the smaller side) at which a decision may fall.
pub const LOOKS: [usize; 7] = [5, 7, 10, 14, 20, 28, 40];

/// One look at the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// Replicates that are looked at; later ones wait.
    pub replicates: usize,
    /// The part of the session's error that this look may spend, 0 to 1.
    pub share: f64,
    /// Replicates at which the next look may happen; `None` at the last.
    pub next: Option<usize>,
}

/// The look that so many replicates allow; `None` before the first.
pub fn look(replicates: usize) -> Option<Look> {
    let nth = LOOKS.iter().rposition(|&at| at <= replicates)?;
    let before = if nth == 0 { 0 } else { LOOKS[nth - 1] };
    Some(Look {
        replicates: LOOKS[nth],
        share: (LOOKS[nth] - before) as f64 / LOOKS[LOOKS.len() - 1] as f64,
        next: LOOKS.get(nth + 1).copied(),
    })
}

/// The replicates that the next look needs, given what there is; `None` after the last.
pub fn next(replicates: usize) -> Option<usize> {
    LOOKS.iter().copied().find(|&at| at > replicates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_looks_spend_the_whole_and_no_more() {
        let spent: f64 = LOOKS.iter().map(|&at| look(at).unwrap().share).sum();
        assert!((spent - 1.0).abs() < 1e-12);
    }

    #[test]
    fn looking_again_before_the_next_look_shows_the_same() {
        assert_eq!(look(4), None);
        assert_eq!(look(8), look(7));
        assert_eq!(look(9), look(7));
        assert_eq!(look(10).unwrap().replicates, 10);
        assert_eq!(look(1000).unwrap(), look(40).unwrap());
    }

    #[test]
    fn it_is_known_how_many_more_are_needed() {
        assert_eq!((next(0), next(5), next(9), next(40)), (Some(5), Some(7), Some(10), None));
        assert_eq!(look(5).unwrap().next, Some(7));
        assert_eq!(look(40).unwrap().next, None);
    }
}
