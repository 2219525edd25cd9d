//! The runner's own door to the wall clock; the time of a run is `loadgen`'s [`loadgen::clock::RunClock`].

/// Seconds since 1970, for the names of rotated files.
pub(super) fn unix_seconds() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Now, as folder names have it: `20261121T054809Z`.
pub(crate) fn stamp() -> String {
    jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string()
}
