//! What a gate concluded, in the forms that people and machines read: a terminal, a pull request, a test report, the lines
//! that GitHub and GitLab pick out of a log.

mod annotations;
mod cells;
mod junit;
mod markdown;
mod text;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod tests;

pub use annotations::{github, github_log, gitlab_section};
pub use junit::junit;
pub use markdown::{LARGEST, markdown};
pub use text::{calibration, last_line, render};
