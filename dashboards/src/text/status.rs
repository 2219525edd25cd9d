//! Everything that is known of a run at a moment, on a few lines: what `SIGUSR1` asks for.

use std::fmt::Write;

use results::event::{ProcessSample, RouteInfo, RouteSample};

use super::{live, units};
use crate::{display::display, state::State};

/// Happenings that are told, the latest.
const RECENT: usize = 5;

/// The full status.
pub fn status(state: &State) -> String {
    let sample = &state.sample;
    let ms = |us: u64| units::millis(us as f64 / 1e3);
    let mut out = format!("--- status\n{}\n", live::line(state, 200));
    let mut row = |name: &str, text: String| {
        let _ = writeln!(out, "  {name:<9} {text}");
    };
    row(
        "books",
        format!(
            "sent {}, written {}, delivered {}, surplus copies {}",
            units::count(sample.sent),
            units::count(sample.written),
            units::count(sample.delivered),
            units::count(sample.duplicated)
        ),
    );
    row("backlog", format!("{} records, {}", units::count(state.backlog()), units::bytes(sample.backlog_bytes)));
    row(
        "delivery",
        format!(
            "p50 {}, p90 {}, p99 {}, p99.9 {}, max {}",
            ms(sample.p50_us),
            ms(sample.p90_us),
            ms(sample.p99_us),
            ms(sample.p999_us),
            ms(sample.max_us)
        ),
    );
    let pid = state.agent.pid.map_or_else(|| "down".to_owned(), |pid| format!("pid {pid}"));
    row(
        "agent",
        format!(
            "{pid}, CPU {}, memory {}, {} open files, throttled {}",
            units::cores(state.rates.agent_cores),
            units::bytes(sample.agent_rss_bytes),
            sample.agent_open_files,
            ms(sample.agent_throttled_us)
        ),
    );
    for (name, text) in parts(state) {
        row(name, text);
    }
    row("bench", format!("at most {} late", ms(sample.bench_late_us)));
    row("files", files(state));
    for (name, since) in state.faults.values() {
        row("fault", format!("{} since {}", display(name), units::clock(*since)));
    }
    for (stream, since) in &state.stalled {
        let name = state
            .names
            .get(usize::from(stream.0))
            .map_or_else(|| stream.0.to_string(), |name| display(name).into_owned());
        row("STALLED", format!("{name} since {}", units::clock(*since)));
    }
    for (name, text) in &state.warnings {
        row("warning", format!("[{}] {}", display(name), display(text)));
    }
    for (t_us, words) in state.recent.iter().rev().take(RECENT).rev() {
        row("recent", format!("{} {}", units::clock(*t_us), display(words)));
    }
    out
}

fn files(state: &State) -> String {
    let files = &state.files;
    format!(
        "{}, {}, {} links, {} reused inode numbers, {} failed steps",
        units::counted(files.rotations, "rotation"),
        units::counted(files.archives, "archive"),
        files.swaps,
        files.inodes_reused,
        files.failed_steps
    )
}

/// Routes and processes, where there are several.
fn parts(state: &State) -> Vec<(&'static str, String)> {
    let sample = &state.sample;
    let ms = |us: u64| units::millis(us as f64 / 1e3);
    let route = |(route, info): (&RouteSample, &RouteInfo)| {
        let text = format!(
            "{}: due {}, delivered {}, surplus copies {}, lost at the source {}, p99 {}",
            display(&info.name),
            units::count(route.due),
            units::count(route.delivered),
            units::count(route.duplicated),
            units::count(route.source_lost),
            ms(route.p99_us)
        );
        ("route", text)
    };
    let process = |process: &ProcessSample| {
        let known = state.processes.get(&process.name).copied().unwrap_or_default();
        let text = format!(
            "{}: {}, CPU {}, memory {}, {} open files, throttled {}, {}",
            display(&process.name),
            known.pid.map_or_else(|| "down".to_owned(), |pid| format!("pid {pid}")),
            ms(process.cpu_us),
            units::bytes(process.rss_bytes),
            process.open_files,
            ms(process.throttled_us),
            units::counted(known.starts, "start")
        );
        ("process", text)
    };
    let routes = sample.routes.iter().zip(&state.topology.routes).map(route);
    routes.chain(sample.processes.iter().map(process)).collect()
}

#[cfg(test)]
mod tests {
    use results::event::{FaultState, Phase, What};

    use super::*;
    use crate::{
        state::Lengths,
        text::examples::{at, fault, reopened, sample},
    };

    #[test]
    fn the_status_tells_everything_at_once() {
        let mut state = State::new(Lengths { measure_us: 60_000_000, ..Lengths::default() });
        for what in [What::Phase(Phase::Measure), sample(1), reopened(1), fault(3, FaultState::Applied)] {
            state.fold(&at(1_000_000, what));
        }
        let text = status(&state);
        for part in
            ["measure 0/60 s", "written 24,000", "p99 210 ms", "1 rotation", "refuse since 00:01", "bench", "down"]
        {
            assert!(text.contains(part), "no {part} in\n{text}");
        }
    }
}
