//! The agent under test: a log pipeline that tails files and delivers their records at least once.
//!
//! ```text
//! os/disk ─▶ input/tail ─▶ Chunk ─▶ parse ─▶ Batch ─▶ buffer ─▶ output/{http,file}
//!    ▲           ▲  whole lines           records            │ taken
//!    │           └──────── acks: offsets move only on acks ──┘
//! checkpoint ◀── acked offsets
//! ```
//! It does not know that it is being tested.

pub mod buffer;
pub mod checkpoint;
pub mod chunk;
pub mod cli;
pub mod config;
pub mod defects;
pub mod input;
pub mod os;
pub mod output;
pub mod parse;
pub mod service;
