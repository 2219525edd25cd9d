//! What each process of the agent used and went through, where the processes have names.

use std::collections::BTreeMap;

use crate::{
    event::{AgentEvent, Event, What},
    outcome::ProcessReport,
};

/// One report a process, in the order of the scenario; processes that it does not list come last.
pub(super) fn reports(events: &[Event]) -> Vec<ProcessReport> {
    let mut order: Vec<String> = Vec::new();
    let mut reports: BTreeMap<String, ProcessReport> = BTreeMap::new();
    for event in events {
        match &event.what {
            What::Topology(topology) => {
                for name in &topology.processes {
                    let _ = of(&mut order, &mut reports, name);
                }
            }
            What::Agent(happened) if !happened.process().is_empty() => {
                let report = of(&mut order, &mut reports, happened.process());
                match happened {
                    AgentEvent::Started { .. } => report.starts += 1,
                    AgentEvent::Ended { asked, .. } => report.deaths += u64::from(!asked),
                    AgentEvent::Limited { how, .. } => report.limits.clone_from(how),
                    AgentEvent::OomKilled { .. } => report.oom_kills += 1,
                    AgentEvent::ProbeFailed { .. } => {}
                }
            }
            What::Sample(sample) => {
                for seen in &sample.processes {
                    let report = of(&mut order, &mut reports, &seen.name);
                    report.cpu_s = report.cpu_s.max(seen.cpu_us as f64 / 1e6);
                    report.rss_max_bytes = report.rss_max_bytes.max(seen.rss_max_bytes).max(seen.rss_bytes);
                    report.throttled_s = report.throttled_s.max(seen.throttled_us as f64 / 1e6);
                }
            }
            _ => {}
        }
    }
    order.iter().filter_map(|name| reports.remove(name)).collect()
}

fn of<'a>(
    order: &mut Vec<String>,
    reports: &'a mut BTreeMap<String, ProcessReport>,
    name: &str,
) -> &'a mut ProcessReport {
    if !reports.contains_key(name) {
        order.push(name.to_owned());
    }
    reports
        .entry(name.to_owned())
        .or_insert_with(|| ProcessReport { name: name.to_owned(), ..ProcessReport::default() })
}
