//! The rules there are without configuration: stack traces of five languages, and the fragments of two runtimes.

use std::{collections::BTreeMap, sync::Arc};

use super::{MultilineKind, MultilinePlan, Multilines, Rule, START, plan::FLUSH_MS};
use crate::parse::pattern::Pattern;

/// From the state, the expression, to the state.
type Line = (&'static [u16], &'static str, u16);

/// 1: behind the line of an exception, 2: one is nested and comes next, 3: among its frames.
const JAVA: &[Line] = &[
    (&[START, 2], r".(?:Exception|Error|Throwable|V8 errors stack trace)(?:[:\r\n]|$)", 1),
    (&[1], r"^[\t ]*nested exception is:[\t ]*", 2),
    (&[1], r"^[\r\n]*$", 1),
    (&[1, 3], r"^[\t ]+(?:eval )?at ", 3),
    (&[1, 3], r"^[\t ]+--- End of inner exception stack trace ---$", 3),
    (&[1, 3], r"^--- End of stack trace from previous location where exception was thrown ---$", 3),
    (&[1, 3], r"^[\t ]*(?:Caused by|Suppressed):", 1),
    (&[1, 3], r"^[\t ]*\.\.\. \d+ (?:more|common frames omitted)", 3),
];
const PYTHON: &[Line] = &[
    (&[START], r"^Traceback \(most recent call last\):$", 1),
    (&[1, 2], r"^[\t ]+File ", 2),
    (&[2], r"^[\t ]+.*$", 1),
    // The exception itself ends the trace; what is raised within another begins a new one behind a blank line.
    (&[1, 2], r"^(?:[^\s.():]+\.)*[^\s.():]+(?::.*)?$", 3),
    (&[3], r"^[\t ]+", 3),
];
const GO: &[Line] = &[
    (&[START], r"\bpanic: ", 1),
    (&[START], r"http: panic serving", 2),
    (&[1], r"^\[signal ", 3),
    (&[1], r"^(?:panic: |\[recovered\]|[\t ]+panic: )", 1),
    (&[1, 3], r"^$", 3),
    (&[1, 2, 3, 5], r"^goroutine \d+ \[[^\]]+\]:$", 4),
    (&[4, 5], r"^(?:[^\s.:]+\.)*[^\s():]+\(|^created by ", 5),
    (&[5], r"^[\t ]+\S", 5),
    (&[4, 5], r"^$", 3),
    (&[4, 5], r"^exit status ", 5),
];
const RUBY: &[Line] = &[(&[START], r"^.+:\d+:in\s+.*", 1), (&[1], r"^\s+from\s.+:\d+:in\s+.*", 1)];

/// All of them, by name.
pub(crate) fn built_in() -> Multilines {
    let rules = |(name, lines): (&str, &[Line])| {
        let rule = |&(from, pattern, to): &Line| Rule {
            from: from.to_vec(),
            pattern: Pattern::new(pattern).expect("it was tested"),
            to,
        };
        plan(name, MultilineKind::Rules(lines.iter().map(rule).collect()))
    };
    let docker = MultilinePlan {
        key_content: Some(b"log".to_vec()),
        key_group: Some(b"stream".to_vec()),
        ..plan("docker", MultilineKind::EndsWith { end: b"\n".to_vec(), negate: false })
    };
    let cri = MultilinePlan {
        key_content: Some(b"log".to_vec()),
        key_pattern: Some(b"_p".to_vec()),
        key_group: Some(b"stream".to_vec()),
        ..plan("cri", MultilineKind::Equal { to: b"F".to_vec(), negate: false })
    };
    let traces = [("java", JAVA), ("python", PYTHON), ("go", GO), ("ruby", RUBY)].map(rules);
    let all = traces.into_iter().chain([docker, cri]);
    all.map(|plan| (plan.name.clone(), Arc::new(plan))).collect::<BTreeMap<_, _>>()
}

fn plan(name: &str, kind: MultilineKind) -> MultilinePlan {
    let (parser, key_content, key_pattern, key_group) = (None, None, None, None);
    MultilinePlan { name: name.to_owned(), kind, flush_ms: FLUSH_MS, parser, key_content, key_pattern, key_group }
}
