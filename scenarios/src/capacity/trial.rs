//! One trial: what was seen of a run becomes a row, and the row says whether the rate held.
//!
//! *Held* = books clean **and** no stall **and** a backlog that does not grow **and** latency within its limit **and** a bench
//! on schedule. Whatever the bench could not offer says nothing about the agent, unless even that was too much for it.

use results::{
    capacity::{Saw, Trial},
    event::{Event, Phase, Sample, What},
    outcome::{Outcome, Verdict},
};

use super::slope::{Slope, slope};

/// Share of the offered records that must have been written for the rate to have been offered.
const OFFERED: f64 = 0.98;
/// Cores used, of one, at which a process is called full.
const FULL: f64 = 0.9;

/// Looks on while a trial is performed.
#[derive(Debug, Default)]
pub(super) struct Onlooker {
    measures: bool,
    backlog: Vec<(f64, f64)>,
    first: Option<(u64, Sample)>,
    last: Option<(u64, Sample)>,
    end_us: u64,
    bench_behind: Option<String>,
}

impl Onlooker {
    pub(super) fn take(&mut self, event: &Event) {
        self.end_us = event.t_us;
        match &event.what {
            What::Phase(phase) => self.measures = *phase == Phase::Measure,
            What::Streams(streams) if self.measures => {
                let behind: u64 = streams.iter().map(|stream| stream.0.saturating_sub(stream.1)).sum();
                self.backlog.push((event.t_us as f64 / 1e6, behind as f64));
            }
            What::Sample(sample) if self.measures => {
                self.first.get_or_insert_with(|| (event.t_us, sample.clone()));
                self.last = Some((event.t_us, sample.clone()));
            }
            What::Warning(warning) if warning.name.starts_with("bench-") => {
                self.bench_behind.get_or_insert_with(|| warning.text.clone());
            }
            _ => {}
        }
    }

    /// The row of a trial that was to offer `offered_per_s` for `length_s` seconds.
    pub(super) fn row(self, outcome: &Outcome, offered_per_s: f64, length_s: f64, wants_rotation: bool) -> Trial {
        let growth = slope(&self.backlog);
        let (agent_cores, late_us) = match (&self.first, &self.last) {
            (Some((from, first)), Some((to, last))) if to > from => {
                let used = last.agent_cpu_us.saturating_sub(first.agent_cpu_us);
                (used as f64 / (to - from) as f64, last.bench_late_us)
            }
            _ => (0.0, 0),
        };
        let mut row = Trial {
            offered_per_s,
            written_per_s: outcome.rates.sent_per_s,
            // Compared with what was written: on each route as much is due.
            delivered_per_s: outcome.rates.delivered_per_s / outcome.routes.len().max(1) as f64,
            length_s,
            saw: Saw::Held,
            because: String::new(),
            p50_ms: outcome.latency_ms.p50,
            p99_ms: outcome.latency_ms.p99,
            max_ms: outcome.latency_ms.max,
            backlog_per_s: growth.per_s,
            backlog_error_per_s: growth.error_per_s,
            backlog_end: self.backlog.last().map_or(0, |point| point.1 as u64),
            agent_cores,
            bench_cores: outcome.resources.bench_cpu_s * 1e6 / self.end_us.max(1) as f64,
            bench_late_ms: late_us as f64 / 1e3,
            rotations: outcome.proofs.rotations,
            lost: outcome.books.lost,
            run: outcome.run.clone(),
        };
        (row.saw, row.because) = saw(&row, outcome, growth, self.bench_behind.as_deref(), wants_rotation);
        row
    }
}

fn saw(row: &Trial, outcome: &Outcome, growth: Slope, behind: Option<&str>, wants_rotation: bool) -> (Saw, String) {
    let finding = || outcome.findings.first().cloned().unwrap_or_default();
    let books = &outcome.books;
    let broken =
        books.lost + books.corrupted + books.unexpected + books.misattributed > 0 || !outcome.stalls.is_empty();
    let short = row.written_per_s < row.offered_per_s * OFFERED;
    if growth.grows(row.offered_per_s) {
        return (Saw::Broke, format!("the backlog grew by {:.0} records a second{}", growth.per_s, full(row)));
    }
    if (short || behind.is_some()) && !broken {
        let why =
            behind.map_or_else(|| format!("{:.0} records a second were written", row.written_per_s), str::to_owned);
        return (Saw::Bench, format!("the bench could not offer the rate: {why}"));
    }
    match outcome.verdict {
        Verdict::Fail => (Saw::Broke, format!("{}{}", finding(), full(row))),
        Verdict::Unknown => (Saw::Unclear, outcome.unknown_because.first().cloned().unwrap_or_default()),
        Verdict::Pass if wants_rotation && row.rotations == 0 => (
            Saw::Unclear,
            "no rotation was seen; give a --length above the time from one rotation to the next".to_owned(),
        ),
        Verdict::Pass => (Saw::Held, String::new()),
    }
}

/// Share of the highest rate that held from which on trials are alike: far below, batches are smaller and records dearer.
const ALIKE: f64 = 0.8;

/// What the agent's CPU time for a record tells of the machine: its work is the same in every trial and in every search.
pub(super) fn pace(trials: &[Trial], rotation: bool) -> Option<String> {
    let held = || trials.iter().filter(|trial| trial.saw == Saw::Held && trial.agent_cores > 0.0);
    let highest = held().map(|trial| trial.offered_per_s).max_by(f64::total_cmp)?;
    let alike = held().filter(|trial| trial.offered_per_s >= highest * ALIKE);
    let mut costs: Vec<f64> = alike.map(|trial| trial.agent_cores * 1e6 / trial.written_per_s).collect();
    costs.sort_by(f64::total_cmp);
    let (least, middle, most) = (costs[0], costs[costs.len() / 2], costs[costs.len() - 1]);
    let with = if rotation { "with" } else { "without" };
    Some(format!(
        "{with} rotation the agent took {middle:.2} µs of CPU a record near the maximum ({least:.2} to {most:.2}): \
         a search in which it takes more ran on a slower machine, so compare this before the answers"
    ))
}

/// What was used up, if something was.
fn full(row: &Trial) -> String {
    if row.agent_cores >= FULL {
        format!("; the agent used {:.0} % of a core", row.agent_cores * 100.0)
    } else {
        String::new()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use results::outcome::StallReport;

    use super::*;

    pub(crate) fn trial(offered_per_s: f64, saw: Saw) -> Trial {
        Trial {
            offered_per_s,
            written_per_s: offered_per_s,
            delivered_per_s: offered_per_s,
            length_s: 10.0,
            saw,
            because: String::new(),
            p50_ms: 1.0,
            p99_ms: 2.0,
            max_ms: 3.0,
            backlog_per_s: 0.0,
            backlog_error_per_s: 0.0,
            backlog_end: 0,
            agent_cores: 0.5,
            bench_cores: 0.5,
            bench_late_ms: 0.0,
            rotations: 3,
            lost: 0,
            run: String::new(),
        }
    }

    const GROWS: Slope = Slope { per_s: 500.0, error_per_s: 100.0 };
    const STILL: Slope = Slope { per_s: 10.0, error_per_s: 100.0 };

    fn outcome(verdict: Verdict) -> Outcome {
        let text = r#"{"schema":1,"scenario":"s","agent":"builtin","defect":null,"seed":1,"verdict":"pass","exit":0,
            "broken_off":false,"books":{"sent":9,"written":9,"expected":9,"delivered":9,"lost":0,"duplicated":0,
            "duplicated_allowed":0,"unexpected":0,"corrupted":0,"reordered":0,"misattributed":0,"source_lost":0},
            "stalls":[],"causes":[],"proofs":{"rotations":1,"inodes_reused":0,"archives":0,"symlink_swaps":0,
            "inodes_steered":0,"faults":0,"agent_interruptions":0,"sink_refusals":0},
            "latency_ms":{"p50":1,"p90":1,"p99":1,"p999":1,"max":1},
            "rates":{"sent_per_s":0,"delivered_per_s":0,"sent_bytes_per_s":0},
            "resources":{"agent_cpu_s":0,"agent_rss_max_bytes":0,"bench_cpu_s":0,"bench_rss_max_bytes":0},
            "findings":["a finding"],"unknown_because":["a reason"],"repeat":"","run":""}"#;
        Outcome { verdict, ..serde_json::from_str(text).unwrap() }
    }

    #[test]
    fn each_reason_not_to_hold_is_told_apart() {
        let row = trial(20_000.0, Saw::Held);
        let pass = outcome(Verdict::Pass);
        assert_eq!(saw(&row, &pass, STILL, None, true).0, Saw::Held);
        let (broke, why) = saw(&row, &pass, GROWS, None, true);
        assert!(broke == Saw::Broke && why.contains("grew by 500"), "{why}");
        assert_eq!(saw(&row, &outcome(Verdict::Fail), STILL, None, true), (Saw::Broke, "a finding".into()));
        assert_eq!(saw(&row, &outcome(Verdict::Unknown), STILL, None, true), (Saw::Unclear, "a reason".into()));
        let unrotated = Trial { rotations: 0, ..row.clone() };
        assert_eq!(saw(&unrotated, &pass, STILL, None, true).0, Saw::Unclear);
        assert_eq!(saw(&unrotated, &pass, STILL, None, false).0, Saw::Held);
    }

    #[test]
    fn a_bench_that_was_behind_is_not_the_agent_s_fault_unless_even_that_was_too_much() {
        let short = Trial { written_per_s: 15_000.0, ..trial(20_000.0, Saw::Held) };
        assert_eq!(saw(&short, &outcome(Verdict::Unknown), STILL, None, false).0, Saw::Bench);
        let row = trial(20_000.0, Saw::Held);
        assert_eq!(
            saw(&row, &outcome(Verdict::Fail), STILL, Some("late"), false).0,
            Saw::Bench,
            "latency counts from what was due"
        );
        assert_eq!(saw(&short, &outcome(Verdict::Unknown), GROWS, Some("late"), false).0, Saw::Broke);
        let mut stalled = outcome(Verdict::Fail);
        stalled.stalls.push(StallReport {
            stream: "a".into(),
            from_s: 1.0,
            until_s: None,
            after: String::new(),
            undelivered: 1,
        });
        assert_eq!(saw(&short, &stalled, STILL, Some("late"), false).0, Saw::Broke);
    }

    #[test]
    fn what_a_record_costs_is_told_of_the_trials_near_the_maximum_that_held() {
        let of = |per_s, saw, agent_cores| Trial { agent_cores, ..trial(per_s, saw) };
        let trials = [
            of(1e5, Saw::Held, 0.2),
            of(9e5, Saw::Held, 0.54),
            of(1e6, Saw::Held, 0.7),
            of(8e5, Saw::Held, 0.4),
            of(2e6, Saw::Broke, 1.0),
        ];
        let note = pace(&trials, true).unwrap();
        assert!(
            note.starts_with("with rotation the agent took 0.60 µs of CPU a record near the maximum (0.50 to 0.70): "),
            "{note}"
        );
        assert_eq!(pace(&trials[4..], true), None);
    }

    #[test]
    fn a_full_agent_is_named() {
        let row = Trial { agent_cores: 0.97, ..trial(20_000.0, Saw::Held) };
        assert!(saw(&row, &outcome(Verdict::Pass), GROWS, None, false).1.ends_with("; the agent used 97 % of a core"));
    }
}
