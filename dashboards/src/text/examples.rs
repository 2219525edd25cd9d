//! Events that the tests of several screens are fed with.

use results::{
    event::{Event, Fault, FaultState, RotationStep, Sample, StepKind, What},
    identity::StreamId,
};

pub(super) fn at(t_us: u64, what: What) -> Event {
    Event { t_us, what }
}

pub(super) fn sample(second: u64) -> What {
    What::Sample(Sample {
        sent: 24_000 * second,
        written: 24_000 * second,
        written_bytes: 8_000_000 * second,
        delivered: 23_900 * second,
        backlog_bytes: 410_000,
        p99_us: 210_400,
        ..Sample::default()
    })
}

pub(super) fn fault(id: u32, state: FaultState) -> What {
    What::Fault(Fault { id, name: "refuse".into(), state, detail: "status 503".into() })
}

pub(super) fn reopened(rotation: u32) -> What {
    What::RotationStep(RotationStep {
        stream: StreamId(0),
        rotation,
        step: StepKind::Reopen,
        path: "pods/a/0.log".into(),
        to: None,
        file: None,
        error: None,
    })
}
