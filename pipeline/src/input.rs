//! Where records come from.

pub mod tail;
