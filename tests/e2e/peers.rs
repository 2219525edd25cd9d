//! The pipeline against programs that other people wrote, each way that they speak with it.
//!
//! What is not installed is skipped with a reason, and missed in CI; `.ci/peers` installs all of it. Nothing here is
//! judged by its pace, so these tests wait for nobody.

mod beats;
mod cloudwatch;
mod conmon;
mod forward;
mod logger;
mod nginx;
mod promtool;
mod rsyslog;
mod stage;
