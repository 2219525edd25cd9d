//! Formats and connections that inputs and outputs share. No clock, no socket of their own, everything bounded.

pub mod forward;
pub mod inflate;
pub mod msgpack;
pub mod stream;
pub mod tls;
