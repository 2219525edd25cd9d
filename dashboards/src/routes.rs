//! Side by side: the routes of a run, its processes, and what was lost before either. Tables of plain text that every report
//! lays out and escapes in its own way.
//!
//! ```text
//!  route   due     delivered  lost  at source  doubled  p99     CPU     memory
//!  tail    20,000     20,000     0          0        0  1.2 s   3.1 s   24 MB
//!  syslog  19,960     19,960     0         40        0  80 ms   2.0 s   19 MB
//! ```

use results::{
    contract::Delivery,
    outcome::{Outcome, ProcessReport, RouteReport, SourceLoss},
};

use crate::text::units::{self, count};

/// A table: names of its columns, its rows, and how many of its columns are words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    /// Names of the columns.
    pub(crate) head: Vec<&'static str>,
    /// Cells, from outside: not yet escaped.
    pub(crate) rows: Vec<Vec<String>>,
    /// The first columns are words, the others numbers.
    pub(crate) words: usize,
}

/// The routes, where there are several.
pub(crate) fn routes(outcome: &Outcome) -> Option<Table> {
    if outcome.routes.is_empty() {
        return None;
    }
    let row = |route: &RouteReport| {
        let books = &route.books;
        let lost = match (route.delivery, books.lost) {
            (Delivery::AtMostOnce, lost) if lost > 0 => {
                format!("{} ({}, allowed)", count(lost), percent(lost, books.expected))
            }
            (_, lost) => count(lost),
        };
        let of = outcome.processes.iter().filter(|process| route.processes.contains(&process.name));
        let (cpu_s, rss) = of.fold((0.0, 0), |(cpu, rss), one| (cpu + one.cpu_s, rss + one.rss_max_bytes));
        vec![
            route.name.clone(),
            promise(route.delivery).to_owned(),
            count(books.expected),
            count(books.delivered),
            lost,
            count(books.source_lost),
            count(books.duplicated),
            if books.delivered > 0 { units::millis(route.latency_ms.p99) } else { "-".to_owned() },
            if cpu_s > 0.0 { units::seconds(cpu_s) } else { "-".to_owned() },
            if rss > 0 { units::bytes(rss) } else { "-".to_owned() },
        ]
    };
    let head = vec!["route", "promise", "due", "delivered", "lost", "at source", "doubled", "p99", "CPU", "memory"];
    Some(Table { head, rows: outcome.routes.iter().map(row).collect(), words: 2 })
}

/// The processes, where they have names.
pub(crate) fn processes(outcome: &Outcome) -> Option<Table> {
    if outcome.processes.is_empty() {
        return None;
    }
    let row = |process: &ProcessReport| {
        vec![
            process.name.clone(),
            if process.limits.is_empty() { "none".to_owned() } else { process.limits.clone() },
            units::seconds(process.cpu_s),
            units::bytes(process.rss_max_bytes),
            if process.throttled_s > 0.0 { units::seconds(process.throttled_s) } else { "-".to_owned() },
            count(process.starts),
            count(process.deaths),
            count(process.oom_kills),
        ]
    };
    let head = vec!["process", "limits", "CPU", "memory peak", "throttled", "starts", "died", "OOM"];
    Some(Table { head, rows: outcome.processes.iter().map(row).collect(), words: 2 })
}

/// What was lost before any agent could read it: one sentence a reason, not yet escaped.
pub(crate) fn source_losses(outcome: &Outcome) -> Vec<String> {
    let say = |loss: &SourceLoss| {
        let on = if loss.route.is_empty() { String::new() } else { format!(" on {}", loss.route) };
        let slack = if loss.slack > 0 { format!(" (give or take {})", count(loss.slack)) } else { String::new() };
        let known = if loss.by_name { "each is known" } else { "known by number only, nobody can tell which" };
        format!("{}{slack}{on}: {}; {known}", count(loss.count), loss.why)
    };
    outcome.source_losses.iter().map(say).collect()
}

fn promise(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::AtMostOnce => "at most once",
        Delivery::AtLeastOnce => "at least once",
        Delivery::ExactlyOnce => "exactly once",
    }
}

fn percent(part: u64, whole: u64) -> String {
    format!("{:.3} %", part as f64 * 100.0 / whole.max(1) as f64)
}

#[cfg(test)]
pub(crate) mod tests;
