//! The pages.

pub(super) mod agent;
pub(super) mod faults;
pub(super) mod findings;
pub(super) mod help;
pub(super) mod overview;
pub(super) mod streams;
