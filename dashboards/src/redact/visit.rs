//! Every text of a run, each exactly once. Written out field by field: a text that is added to a run does not compile before
//! somebody has decided here what it may tell.

use results::{
    event::{
        AgentEvent, Dropped, Event, Fault, RotationStep, RouteInfo, Sample, SourceInfo, Topology, Warning, WayInfo,
        What,
    },
    outcome::{Cause, Outcome, ProcessReport, RouteReport, SourceLoss, StallReport},
    run::{Manifest, StoredRun},
};
use serde_json::Value;

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// One path, whatever is in it.
    Path,
    /// A command, quoted for a shell.
    Command,
    /// The name of a stream.
    Stream,
    /// Words.
    Words,
}

/// Takes and changes texts.
pub(super) type Visit<'a> = dyn FnMut(Text, &mut String) + 'a;

/// All texts of a run but the path of its folder.
pub(super) fn run(run: &mut StoredRun, visit: &mut Visit<'_>) {
    let StoredRun { path: _, manifest: about, events, torn_line: _ } = run;
    manifest(about, visit);
    for event in events {
        happened(event, visit);
    }
}

fn manifest(manifest: &mut Manifest, visit: &mut Visit<'_>) {
    let Manifest {
        schema: _,
        scenario,
        agent,
        defect,
        seed: _,
        settled,
        environment,
        bench: _,
        children: _,
        repeat,
        started: _,
        state: _,
        outcome: concluded,
    } = manifest;
    words([scenario, agent].into_iter().chain(defect), visit);
    // The contract is read back: its words are those of the format, but for the names of routes.
    if let Value::Object(parts) = settled {
        for (key, value) in parts {
            match key.as_str() {
                "contract" => {
                    if let Some(routes) = value.get_mut("routes").and_then(Value::as_array_mut) {
                        routes
                            .iter_mut()
                            .filter_map(|route| route.get_mut("name"))
                            .for_each(|name| values(name, visit));
                    }
                }
                _ => values(value, visit),
            }
        }
    }
    values(environment, visit);
    visit(Text::Command, repeat);
    if let Some(concluded) = concluded {
        outcome(concluded, visit);
    }
}

fn values(value: &mut Value, visit: &mut Visit<'_>) {
    match value {
        Value::String(text) => visit(Text::Words, text),
        Value::Array(items) => items.iter_mut().for_each(|item| values(item, visit)),
        Value::Object(fields) => fields.iter_mut().for_each(|(_, field)| values(field, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn outcome(outcome: &mut Outcome, visit: &mut Visit<'_>) {
    let Outcome {
        schema: _,
        scenario,
        agent,
        defect,
        seed: _,
        verdict: _,
        exit: _,
        broken_off: _,
        books: _,
        routes,
        source_losses,
        processes,
        stalls,
        causes,
        proofs: _,
        latency_ms: _,
        rates: _,
        resources: _,
        findings,
        unknown_because,
        repeat,
        run,
    } = outcome;
    words([scenario, agent].into_iter().chain(defect).chain(findings).chain(unknown_because), visit);
    for RouteReport { name, delivery: _, books: _, latency_ms: _, processes } in routes {
        words(std::iter::once(name).chain(processes), visit);
    }
    for SourceLoss { route, why, count: _, slack: _, by_name: _ } in source_losses {
        words([route, why], visit);
    }
    for process in processes {
        let ProcessReport {
            name,
            cpu_s: _,
            rss_max_bytes: _,
            throttled_s: _,
            starts: _,
            deaths: _,
            oom_kills: _,
            limits,
        } = process;
        words([name, limits], visit);
    }
    for StallReport { stream, from_s: _, until_s: _, after, undelivered: _ } in stalls {
        visit(Text::Stream, stream);
        visit(Text::Words, after);
    }
    for Cause { verdict: _, stream, count: _, cause, evidence } in causes {
        visit(Text::Stream, stream);
        visit(Text::Words, cause);
        visit(Text::Words, evidence);
    }
    visit(Text::Command, repeat);
    visit(Text::Path, run);
}

fn happened(event: &mut Event, visit: &mut Visit<'_>) {
    match &mut event.what {
        What::Begun(names) => names.iter_mut().for_each(|name| visit(Text::Stream, name)),
        What::Topology(Topology { routes, dropped: _, processes, sources }) => {
            words(processes, visit);
            for SourceInfo { streams: _, readers, ways } in sources {
                words(readers, visit);
                for WayInfo { processes, links } in ways {
                    words(processes.iter_mut().chain(links), visit);
                }
            }
            for RouteInfo { name, processes } in routes {
                words(std::iter::once(name).chain(processes), visit);
            }
        }
        // Figures, and the names of processes.
        What::Sample(Sample { processes, .. }) => {
            words(processes.iter_mut().map(|process| &mut process.name), visit);
        }
        What::GenerationOpened(opened) => visit(Text::Path, &mut opened.path),
        What::RotationStep(step) => {
            let RotationStep { stream: _, rotation: _, step: _, path, to, file: _, held: _, error } = step;
            std::iter::once(path).chain(to).for_each(|path| visit(Text::Path, path));
            words(error, visit);
        }
        What::Fault(Fault { id: _, name, on, state: _, hits: _, detail }) => {
            words([name, on, detail], visit);
        }
        What::Agent(agent) => lived(agent, visit),
        What::Warning(Warning { name, text }) => {
            visit(Text::Words, name);
            visit(Text::Words, text);
        }
        What::Dropped(Dropped { route, datagrams: _, link }) => words([route, link], visit),
        What::Judged(judged) => outcome(judged, visit),
        What::Phase(_) | What::Streams(_) | What::GenerationClosed(_) | What::Stall(_) => {}
    }
}

fn lived(agent: &mut AgentEvent, visit: &mut Visit<'_>) {
    match agent {
        AgentEvent::Started { pid: _, process } => visit(Text::Words, process),
        AgentEvent::Ended { pid: _, how, asked: _, process }
        | AgentEvent::OomKilled { pid: _, process, how }
        | AgentEvent::Limited { process, how } => words([process, how], visit),
        AgentEvent::ProbeFailed { process, path, how } => {
            words([process, how], visit);
            visit(Text::Path, path);
        }
    }
}

fn words<'a>(texts: impl IntoIterator<Item = &'a mut String>, visit: &mut Visit<'_>) {
    for text in texts {
        visit(Text::Words, text);
    }
}
