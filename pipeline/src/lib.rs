//! The agent under test: a log pipeline that tails files and delivers their records at least once.
//!
//! ```text
//! os/disk ─▶ input/tail ─▶ Chunk ─▶ parse ─▶ Batch ─▶ filter ─▶ buffer ─▶ output/{http,file,…}
//!    ▲           ▲  whole lines           records      events     │ taken
//!    │           └──────── acks: offsets move only on acks ───────┘
//! checkpoint ◀── acked offsets         input/{syslog,forward,…} ─▶ Intake ─▶ filter ─▶ buffer
//! ```
//! It does not know that it is being tested.

pub mod buffer;
pub mod checkpoint;
pub mod chunk;
pub mod cli;
pub mod config;
pub mod configs;
pub mod defects;
pub mod event;
pub mod filter;
pub mod input;
pub mod os;
pub mod output;
pub mod parse;
pub mod service;
pub mod wire;
