//! The parts that pages are made of.

pub(super) mod axis;
pub(super) mod books;
pub(super) mod chart;
pub(super) mod findings;
pub(super) mod footer;
pub(super) mod header;
pub(super) mod lanes;
pub(super) mod parts;
pub(super) mod streams;
