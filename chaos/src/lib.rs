//! What breaks and when: rotations and swaps as lists of primitive steps, faults as a plan, and the live driver of both.
//!
//! ```text
//!  rotator/*   listing of a directory, path of the live file  →  steps        pure
//!  plan        faults as written, seed, length                →  planned      pure
//!  inject      steps  →  system calls, below one marked folder only           live
//!  limit       CPU and memory of a process, by control groups or a duty cycle   live
//!  netns       a network of the run's own, with limits of its own               live
//!  proxy       a wire between two boxes: delayed, cut, hung, partitioned        live
//!  process     the agent under test: kill, stop, see what it came to          live
//! ```
//! Knows neither records nor agents nor any other crate. The live parts touch nothing outside a folder that carries the
//! marker file, and no process but a child of their own.

mod clock;
pub mod fault;
pub mod inject;
pub mod limit;
pub mod listing;
pub mod netns;
pub mod plan;
pub mod process;
pub mod proxy;
pub mod rotator;
pub mod step;

#[cfg(test)]
mod support;
