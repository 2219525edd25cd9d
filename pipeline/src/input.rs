//! Where records come from. `tail` is stepped by the loop of the service; every other input has a thread of its own and
//! puts its records into an [`intake::Intake`].

pub mod dummy;
pub mod intake;
pub mod tail;

use crate::config::plan::InputKind;

/// Runs an input that is not a file until the intake says stop.
pub(crate) async fn run(kind: InputKind, intake: intake::Intake) {
    match kind {
        InputKind::Tail(_) => {}
        InputKind::Dummy(plan) => dummy::run(*plan, intake).await,
    }
}
