//! What survives the agent: how far every file has been delivered, in an append-only file of its own.
//!
//! Policy: a delivered offset is written at once (it then survives the death of the process) and synced every
//! sync interval (it then survives the loss of power). An older offset than the true one means that records are
//! delivered again, never that they are lost.

pub mod entry;
mod frame;
pub mod store;

pub use entry::{CheckpointEntry, EntryState, Fingerprint};
pub use store::{CheckpointError, Store};
