//! The stack of charts on one time axis: what went in and out, what lay between, how late it came, what it cost, and
//! whether the bench itself kept its pace.

use results::event::{Event, Sample, StreamSample, What};

use super::sampling::{Series, columns};

/// Columns of a chart, at most.
pub const COLUMNS: usize = 720;
/// Rates are measured over this stretch, microseconds.
const RATE_OVER_US: u64 = 1_000_000;
/// Shorter stretches tell no rate.
const RATE_LEAST_US: u64 = 200_000;

/// What the values of a lane count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Records a second.
    Rate,
    /// Records, or files.
    Count,
    /// Milliseconds.
    Millis,
    /// Cores of CPU.
    Cores,
    /// Bytes.
    Bytes,
}

/// One chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// A word for anchors and data.
    pub id: &'static str,
    /// What it shows, in words.
    pub title: &'static str,
    /// What its values count.
    pub unit: Unit,
    /// Whether the axis is logarithmic.
    pub log: bool,
    /// What is drawn.
    pub series: Vec<Series>,
}

impl Unit {
    /// A value in words.
    pub fn say(self, value: f64) -> String {
        use crate::text::units;
        match self {
            Self::Rate => units::rate(value),
            Self::Count => units::short(value.max(0.0) as u64),
            Self::Millis => units::millis(value),
            Self::Cores => units::cores(value),
            Self::Bytes => units::bytes(value.max(0.0) as u64),
        }
    }

    /// Its name in the data.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rate => "records/s",
            Self::Count => "count",
            Self::Millis => "ms",
            Self::Cores => "cores",
            Self::Bytes => "bytes",
        }
    }
}

impl Lane {
    /// Points of the series that has most; below 2 there is nothing to draw.
    pub fn points(&self) -> usize {
        self.series.iter().map(|series| series.cells.len()).max().unwrap_or(0)
    }

    /// Its largest value.
    pub fn max(&self) -> f64 {
        self.series.iter().map(Series::max).fold(0.0, f64::max)
    }
}

/// All lanes of a run.
pub fn lanes(events: &[Event]) -> Vec<Lane> {
    let samples = ordered(events.iter().filter_map(|event| match &event.what {
        What::Sample(sample) => Some((event.t_us, sample)),
        _ => None,
    }));
    let mut lanes = flow(&totals(events));
    lanes.extend(sampled(&samples));
    lanes
}

/// A name and its values, or none, at each time.
type Values = (&'static str, Vec<Option<f64>>);

fn lane(id: &'static str, title: &'static str, unit: Unit, times: &[u64], series: Vec<Values>) -> Lane {
    let drawn = |(nth, (name, values)): (_, Values)| Series { name, nth, cells: columns(times, &values, COLUMNS) };
    let mut series: Vec<Series> = series.into_iter().enumerate().map(drawn).collect();
    // An older run does not tell every percentile.
    series.retain(|series| !series.cells.is_empty());
    Lane { id, title, unit, log: false, series }
}

/// What went in and out, and what lay between.
fn flow(totals: &[(u64, Totals)]) -> Vec<Lane> {
    let times: Vec<u64> = totals.iter().map(|(t_us, _)| *t_us).collect();
    let backlog = totals.iter().map(|(_, total)| Some(total.due.saturating_sub(total.delivered) as f64)).collect();
    let written: Vec<(u64, u64)> = totals.iter().map(|(t_us, total)| (*t_us, total.written)).collect();
    let delivered: Vec<(u64, u64)> = totals.iter().map(|(t_us, total)| (*t_us, total.delivered)).collect();
    let both = vec![("written", rates(&written)), ("delivered", rates(&delivered))];
    vec![
        lane("rates", "Records a second, written and delivered", Unit::Rate, &times, both),
        lane("backlog", "Backlog: written and not delivered", Unit::Count, &times, vec![("backlog", backlog)]),
    ]
}

/// How late it came, what it cost, and how late the bench itself was.
fn sampled(samples: &[(u64, &Sample)]) -> Vec<Lane> {
    let times: Vec<u64> = samples.iter().map(|(t_us, _)| *t_us).collect();
    let of = |value: fn(&Sample) -> f64| samples.iter().map(|(_, sample)| Some(value(sample))).collect::<Vec<_>>();
    // Nothing arrived since the last sample: there is no latency, which is not a latency of zero.
    let ms = |value: fn(&Sample) -> u64| {
        let some = |us: u64| (us > 0).then_some(us as f64 / 1e3);
        samples.iter().map(|(_, sample)| some(value(sample))).collect::<Vec<_>>()
    };
    let cpu: Vec<(u64, u64)> = samples.iter().map(|(t_us, sample)| (*t_us, sample.agent_cpu_us)).collect();
    let cores = rates(&cpu).into_iter().map(|rate| rate.map(|us| us / 1e6)).collect();
    let percentiles = vec![
        ("p50", ms(|sample| sample.p50_us)),
        ("p90", ms(|sample| sample.p90_us)),
        ("p99", ms(|sample| sample.p99_us)),
        ("p99.9", ms(|sample| sample.p999_us)),
        ("max", ms(|sample| sample.max_us)),
    ];
    let latency = "Delivery latency, from the time each record was due";
    let (memory, files) = (of(|sample| sample.agent_rss_bytes as f64), of(|sample| sample.agent_open_files as f64));
    let late = of(|sample| sample.bench_late_us as f64 / 1e3);
    let behind = "How late the bench was against its own schedule";
    vec![
        Lane { log: true, ..lane("latency", latency, Unit::Millis, &times, percentiles) },
        lane("cpu", "CPU of the agent", Unit::Cores, &times, vec![("agent", cores)]),
        lane("memory", "Memory of the agent, resident", Unit::Bytes, &times, vec![("agent", memory)]),
        lane("files", "Files that the agent has open", Unit::Count, &times, vec![("open", files)]),
        lane("bench", behind, Unit::Millis, &times, vec![("late", late)]),
    ]
}

/// The counts at a moment.
#[derive(Clone, Copy)]
struct Totals {
    written: u64,
    /// What of it was due by then, on every route that it takes.
    due: u64,
    delivered: u64,
}

/// Every look at the totals, in order of time. Streams are looked at more often than the whole; with several routes they tell
/// other numbers than it does (a record once on each route, and none that is to be dropped), so that only the whole counts there.
fn totals(events: &[Event]) -> Vec<(u64, Totals)> {
    let sum = |streams: &[StreamSample], of: fn(&StreamSample) -> u64| {
        streams.iter().fold(0u64, |sum, stream| sum.saturating_add(of(stream)))
    };
    let routed = events.iter().any(|event| matches!(&event.what, What::Sample(sample) if !sample.routes.is_empty()));
    ordered(events.iter().filter_map(|event| match &event.what {
        What::Sample(sample) => {
            let Sample { written, delivered, .. } = *sample;
            Some((event.t_us, Totals { written, due: sample.due(), delivered }))
        }
        What::Streams(streams) if !routed => {
            let written = sum(streams, |stream| stream.0);
            Some((event.t_us, Totals { written, due: written, delivered: sum(streams, |stream| stream.1) }))
        }
        _ => None,
    }))
}

/// Events of several threads may be a little out of order.
fn ordered<T>(points: impl Iterator<Item = (u64, T)>) -> Vec<(u64, T)> {
    let mut points: Vec<(u64, T)> = points.collect();
    points.sort_by_key(|(t_us, _)| *t_us);
    points
}

/// Per second, at each point over the second before it.
fn rates(points: &[(u64, u64)]) -> Vec<Option<f64>> {
    let mut first = 0;
    let rate = |at: usize| {
        let (t_us, now) = points[at];
        while points.get(first + 1).is_some_and(|(then, _)| then.saturating_add(RATE_OVER_US) <= t_us) {
            first += 1;
        }
        let (then, before) = points[first];
        let passed = t_us.saturating_sub(then);
        // A counter that fell began anew: an agent was restarted.
        (passed >= RATE_LEAST_US && now >= before).then(|| (now - before) as f64 * 1e6 / passed as f64)
    };
    (0..points.len()).map(rate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(t_us: u64, what: What) -> Event {
        Event { t_us, what }
    }

    fn only(events: &[Event], id: &str) -> Lane {
        lanes(events).into_iter().find(|lane| lane.id == id).unwrap()
    }

    #[test]
    fn rates_are_those_of_the_second_before() {
        let events: Vec<Event> = (0..20u64)
            .map(|n| at(n * 250_000, What::Streams(vec![StreamSample(n * 100, n * 50), StreamSample(n * 10, 0)])))
            .collect();
        let lane = only(&events, "rates");
        let last = |at: usize| lane.series[at].cells.last().unwrap().mean;
        assert!((last(0) - 440.0).abs() < 1e-6 && (last(1) - 200.0).abs() < 1e-6, "{lane:?}");
    }

    #[test]
    fn on_two_routes_records_are_written_once_and_wait_on_each() {
        use results::event::RouteSample;
        let look = |n: u64| {
            let route = |delivered| RouteSample { due: n, delivered, ..RouteSample::default() };
            let sample =
                Sample { written: n, delivered: 3 * n / 2, routes: vec![route(n), route(n / 2)], ..Sample::default() };
            let t_us = n * 1_000;
            let streams = What::Streams(vec![StreamSample(n, n), StreamSample(n, n / 2)]);
            [at(t_us, What::Sample(sample)), at(t_us + 250_000, streams)]
        };
        let events: Vec<Event> = (0..10).flat_map(|s| look(s * 1_000)).collect();
        let rates = only(&events, "rates");
        let most = [rates.series[0].max(), rates.series[1].max()].map(f64::round);
        assert_eq!(most.map(|rate| rate as u64), [1_000, 1_500], "{rates:?}");
        let waiting = only(&events, "backlog").series[0].cells.last().unwrap().mean.round() as u64;
        assert_eq!(waiting, 4_500);
    }

    #[test]
    fn no_delivery_is_a_gap_and_not_a_latency_of_zero() {
        let sample = |p99_us| What::Sample(Sample { p99_us, ..Sample::default() });
        let lane = only(&[at(0, sample(5000)), at(1, sample(0)), at(2, sample(7000))], "latency");
        let p99: Vec<_> = lane.series[0].cells.iter().map(|cell| (cell.column, cell.mean)).collect();
        assert_eq!(p99, [(0, 5.0), (2, 7.0)]);
    }

    #[test]
    fn a_restarted_agent_has_no_negative_cpu() {
        let sample = |agent_cpu_us| What::Sample(Sample { agent_cpu_us, ..Sample::default() });
        let second = 1_000_000;
        let events = [at(0, sample(0)), at(second, sample(900_000)), at(2 * second, sample(0))];
        let lane = only(&events, "cpu");
        assert_eq!(lane.series[0].cells.len(), 1, "{lane:?}");
    }

    #[test]
    fn a_run_without_events_has_empty_lanes() {
        assert!(lanes(&[]).iter().all(|lane| lane.points() == 0 && lane.max() == 0.0));
    }
}
