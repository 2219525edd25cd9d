//! The highest rate at which nothing is lost, stalled or late: found by trials, as RFC 2544 does for networks.

pub mod search;
