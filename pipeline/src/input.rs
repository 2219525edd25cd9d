//! Where records come from. `tail` is stepped by the loop of the service; every other input has a thread of its own and
//! puts its records into an [`intake::Intake`].

pub mod dummy;
pub mod forward;
pub mod intake;
pub mod listen;
pub mod tail;

use self::listen::ListenError;
use crate::config::plan::InputKind;

/// An input that is not a file, with what it needs from the system.
pub(crate) enum Ready {
    Dummy(dummy::DummyInput),
    Forward(forward::ForwardInput, forward::Ready),
}

/// Opens what an input needs; none for files, which the service steps itself.
pub(crate) fn open(kind: &InputKind) -> Result<Option<Ready>, ListenError> {
    Ok(match kind {
        InputKind::Tail(_) => None,
        InputKind::Dummy(plan) => Some(Ready::Dummy(*plan.clone())),
        InputKind::Forward(plan) => Some(Ready::Forward(*plan.clone(), forward::open(plan)?)),
    })
}

/// Runs it until the intake says stop.
pub(crate) async fn run(ready: Ready, intake: intake::Intake) {
    match ready {
        Ready::Dummy(plan) => dummy::run(plan, intake).await,
        Ready::Forward(plan, ready) => forward::run(plan, ready, intake).await,
    }
}

#[cfg(test)]
pub(crate) mod tests;
