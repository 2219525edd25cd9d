//! The pipeline against programs that other people wrote, each way that they speak with it.
//!
//! What is not installed is skipped with a reason, and missed in CI; `.ci/peers` installs all of it. Nothing here is
//! judged by its pace, so these tests wait for nobody; but for `nginx_front`, where the peer drives runs that are judged.

mod beats;
mod cloudwatch;
mod conmon;
mod elk;
mod forward;
mod logger;
mod nginx;
mod nginx_front;
mod promtool;
mod rsyslog;
mod stage;
