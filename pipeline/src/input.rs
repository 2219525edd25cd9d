//! Where records come from. `tail` is stepped by the loop of the service; every other input has a thread of its own and
//! puts its records into an [`intake::Intake`].

pub mod beats;
pub mod dummy;
pub mod forward;
pub mod http;
pub mod intake;
pub mod listen;
pub mod stdin;
pub mod syslog;
pub mod tail;

use self::listen::ListenError;
use crate::config::plan::InputKind;

/// An input that is not a file, with what it needs from the system.
pub(crate) enum Ready {
    Dummy(dummy::DummyInput),
    Forward(forward::ForwardInput, forward::Ready),
    Syslog(syslog::SyslogInput, syslog::Ready),
    Beats(beats::BeatsInput, listen::Open),
    Http(http::HttpInput, listen::Open),
    Stdin(stdin::StdinInput),
}

/// Opens what an input needs; none for files, which the service steps itself.
pub(crate) fn open(kind: &InputKind) -> Result<Option<Ready>, ListenError> {
    Ok(match kind {
        InputKind::Tail(_) => None,
        InputKind::Dummy(plan) => Some(Ready::Dummy(*plan.clone())),
        InputKind::Forward(plan) => Some(Ready::Forward(*plan.clone(), forward::open(plan)?)),
        InputKind::Syslog(plan) => Some(Ready::Syslog(*plan.clone(), syslog::open(plan)?)),
        InputKind::Beats(plan) => Some(Ready::Beats(*plan.clone(), beats::open(plan)?)),
        InputKind::Http(plan) => Some(Ready::Http(*plan.clone(), http::open(plan)?)),
        InputKind::Stdin(plan) => Some(Ready::Stdin(*plan.clone())),
    })
}

/// Runs it until the intake says stop.
pub(crate) async fn run(ready: Ready, intake: intake::Intake) {
    match ready {
        Ready::Dummy(plan) => dummy::run(plan, intake).await,
        Ready::Forward(plan, ready) => forward::run(plan, ready, intake).await,
        Ready::Syslog(plan, ready) => syslog::run(plan, ready, intake).await,
        Ready::Beats(plan, open) => beats::run(plan, open, intake).await,
        Ready::Http(plan, open) => http::run(plan, open, intake).await,
        Ready::Stdin(plan) => stdin::run(plan, intake).await,
    }
}

#[cfg(test)]
pub(crate) mod tests;
