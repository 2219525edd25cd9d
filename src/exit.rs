//! Exit codes, as scripts rely on them.

/// Every promise was kept.
pub(crate) const PASS: u8 = 0;
/// A promise was broken.
pub(crate) const BROKEN: u8 = 1;
/// Usage, file or bench error.
pub(crate) const MISUSE: u8 = 2;
/// Proves nothing.
pub(crate) const UNKNOWN: u8 = 3;
/// Broken off by the user.
pub(crate) const INTERRUPTED: u8 = 130;

/// The code of several runs: interrupted, then 2 over 1 over 3 over 0.
pub(crate) fn worst(codes: impl IntoIterator<Item = u8>) -> u8 {
    let order = [INTERRUPTED, MISUSE, BROKEN, UNKNOWN];
    let codes: Vec<u8> = codes.into_iter().collect();
    order.into_iter().find(|code| codes.contains(code)).unwrap_or(PASS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bench_error_outranks_a_broken_promise_which_outranks_not_knowing() {
        assert_eq!(worst([0, 3, 1, 2]), 2);
        assert_eq!(worst([0, 3, 1]), 1);
        assert_eq!(worst([0, 3]), 3);
        assert_eq!(worst([0, 130, 2]), 130);
        assert_eq!(worst([]), 0);
    }
}
