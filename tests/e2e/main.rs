//! One file per behaviour, on the real binary, real files and real processes.
//!
//! Runs that are judged wait for each other ([`support::live`]); with `CI=true` in the environment the long forms run.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests fail by panicking, and tell what they did")]

mod agent_sigkill;
mod bad_input;
mod bench_sigkill;
mod capacity;
mod ci_recipe;
mod damaged_run;
mod deployments;
mod disk_full;
mod gate;
mod habits;
mod hands;
mod house;
mod interrupt;
mod kubernetes;
mod limits;
mod links;
mod logrotate;
mod lying_proxy;
mod matrix;
mod page;
mod peers;
mod readme;
mod reload;
mod report;
mod scenarios;
mod shapes;
mod sockets;
mod stalls;
mod stdin;
mod storms;
mod stretch;
mod support;
mod tui;
