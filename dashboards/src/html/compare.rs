//! Several runs side by side: agents, or the same agent before and after.

use std::fmt::Write;

use super::{answer, frame};
use crate::{
    markup::{text, whole},
    report::{Report, lanes::Lane},
    svg::plot::{self, Scale},
    text::{
        summary::{answer as words, word},
        units::{self, count},
    },
};

/// Runs side by side; more would be no table.
const MOST_RUNS: usize = 40;

/// The page of several runs, in the order given; those beyond 40 are only counted.
pub fn comparison(reports: &[Report]) -> String {
    let shown = &reports[..reports.len().min(MOST_RUNS)];
    let mut body = String::from("<p class=\"kicker\">tailproof · comparison</p>\n");
    let _ = writeln!(body, "<h1>{}</h1>", heading(shown));
    for (nth, report) in shown.iter().enumerate() {
        let outcome = &report.outcome;
        let _ = writeln!(
            body,
            "<p class=\"verdict {}\"><strong>{}</strong> {}. {}: {}{}</p>",
            answer::class(outcome.verdict),
            word(outcome.verdict),
            letter(nth),
            label(report),
            text(&words::answer(outcome, &report.limits)),
            outcome.defect.as_ref().map_or(String::new(), |id| format!(" <b>(planted defect {})</b>", text(id)))
        );
    }
    if reports.len() > MOST_RUNS {
        let _ = writeln!(body, "<p class=\"doubt\">{} more runs are not shown.</p>", reports.len() - MOST_RUNS);
    }
    let _ = writeln!(body, "<h2>Side by side</h2>\n{}", table(shown));
    body.push_str("<h2>The same charts, one scale</h2>\n");
    for lane in 0..shown.iter().map(|report| report.lanes.len()).min().unwrap_or(0) {
        body.push_str(&charts(shown, lane));
    }
    body.push_str("<h2>Why, and how to repeat each</h2>\n");
    for (nth, report) in shown.iter().enumerate() {
        body.push_str(&one(report, nth));
    }
    body.push_str("<footer><p>Each run has a page of its own: <code>tailproof report RUN --html</code>. This page asks nobody for anything.</p></footer>\n");
    frame::page("tailproof: runs side by side", &body, None)
}

fn heading(reports: &[Report]) -> String {
    let first = reports.first().map(|report| report.question.as_str()).unwrap_or_default();
    if !first.is_empty() && reports.iter().all(|report| report.question == first) {
        return text(first);
    }
    format!("{} runs side by side", reports.len())
}

/// A, B, … Z, 27, 28, …
fn letter(nth: usize) -> String {
    if nth < 26 { char::from(b'A' + nth as u8).to_string() } else { (nth + 1).to_string() }
}

fn label(report: &Report) -> String {
    format!("{}, {}, seed {}", text(&report.outcome.scenario), text(&report.outcome.agent), report.outcome.seed)
}

/// A row of the table: its name and a cell for each run.
type Row = (&'static str, Vec<String>);

fn table(reports: &[Report]) -> String {
    let of = |cell: &dyn Fn(&Report) -> String| reports.iter().map(cell).collect::<Vec<_>>();
    let promise = |at: usize| {
        move |report: &Report| {
            let promise = words::promises(&report.outcome, &report.limits)[at];
            let sign = if promise.broken() { "broken" } else { "kept" };
            let mark = if promise.limit.is_none() {
                ""
            } else if promise.broken() {
                " ✗"
            } else {
                " ✓"
            };
            format!("{}<span class=\"{sign}\">{mark}</span>", count(promise.value))
        }
    };
    let books = ["lost", "stalled", "duplicated", "corrupted", "misattributed", "unexpected", "reordered"];
    let mut rows: Vec<Row> = vec![
        ("verdict", of(&|r| word(r.outcome.verdict).to_owned())),
        ("agent", of(&|r| text(&r.outcome.agent))),
        ("seed", of(&|r| r.outcome.seed.to_string())),
        ("expected", of(&|r| count(r.outcome.books.expected))),
        ("delivered", of(&|r| count(r.outcome.books.delivered))),
    ];
    rows.extend(books.iter().enumerate().map(|(at, name)| (*name, of(&promise(at)))));
    rows.extend([
        ("rotations seen", of(&|r| count(r.outcome.proofs.rotations))),
        ("reused inodes seen", of(&|r| count(r.outcome.proofs.inodes_reused))),
        ("faults seen", of(&|r| count(r.outcome.proofs.faults))),
        ("written", of(&|r| units::rate(r.outcome.rates.sent_per_s))),
        ("delivered a second", of(&|r| units::rate(r.outcome.rates.delivered_per_s))),
        ("delivery p50", of(&|r| units::millis(r.outcome.latency_ms.p50))),
        ("delivery p99", of(&|r| units::millis(r.outcome.latency_ms.p99))),
        ("delivery p99.9", of(&|r| units::millis(r.outcome.latency_ms.p999))),
        ("agent CPU", of(&|r| units::seconds(r.outcome.resources.agent_cpu_s))),
        ("agent CPU a record", of(&|r| cpu_per_record(r).map_or("-".to_owned(), |us| format!("{us:.2} us")))),
        ("agent memory peak", of(&|r| units::bytes(r.outcome.resources.agent_rss_max_bytes))),
        ("length", of(&|r| units::seconds(r.end_us as f64 / 1e6))),
    ]);
    let head: String =
        (0..reports.len()).map(|nth| format!("<th scope=\"col\" class=\"n\">{}</th>", letter(nth))).collect();
    let line = |(name, cells): &Row| {
        let cells: String = cells.iter().map(|cell| super::number(cell)).collect();
        format!("<tr><th scope=\"row\">{name}</th>{cells}</tr>\n")
    };
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"comparison, can be scrolled\"><table><thead><tr><th scope=\"col\">run</th>{head}</tr></thead><tbody>{}</tbody></table></div>\n",
        rows.iter().map(line).collect::<String>()
    )
}

/// CPU time of the agent per delivered record, microseconds.
pub(crate) fn cpu_per_record(report: &Report) -> Option<f64> {
    let outcome = &report.outcome;
    let delivered = outcome.books.delivered;
    (delivered > 0 && outcome.resources.agent_cpu_s > 0.0)
        .then(|| outcome.resources.agent_cpu_s * 1e6 / delivered as f64)
}

/// The n-th chart of every run under each other, all on the scale of the largest.
fn charts(reports: &[Report], nth: usize) -> String {
    let lanes: Vec<&Lane> = reports.iter().map(|report| &report.lanes[nth]).collect();
    if lanes.iter().all(|lane| lane.points() < 2) {
        return String::new();
    }
    let end_us = reports.iter().map(|report| report.end_us).max().unwrap_or(0);
    let scales = lanes.iter().filter(|lane| lane.points() > 1).map(|lane| Scale::of(lane, end_us, 100.0));
    let Some(scale) = scales.reduce(|a, b| Scale { low: a.low.min(b.low), high: a.high.max(b.high), ..a }) else {
        return String::new();
    };
    let mut out = format!("<h3>{}</h3>\n", lanes[0].title);
    // Older runs tell fewer percentiles: the legend names what any of them has.
    let names: std::collections::BTreeMap<usize, &str> =
        lanes.iter().flat_map(|lane| &lane.series).map(|series| (series.nth, series.name)).collect();
    let key = |(nth, name): (&usize, &&str)| format!("<span><span class=\"key s{nth}\"></span>{name}</span>");
    let keys: String = names.iter().map(key).collect();
    let _ = writeln!(out, "<p class=\"legend\">{keys}</p>");
    for (at, (report, lane)) in reports.iter().zip(lanes).enumerate() {
        let most = lane.unit.say(lane.max());
        let _ = writeln!(
            out,
            "<figure class=\"lane\"><figcaption class=\"quiet\">{}. {}: most {most}</figcaption><div class=\"static\"><span class=\"top\">{}</span>\
             <svg viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{} of run {}: most {most}\">{}</svg></div></figure>",
            letter(at),
            label(report),
            lane.unit.say(scale.high),
            lane.title,
            letter(at),
            plot::lane(lane, &report.spans.0, &report.rotations, &scale)
        );
    }
    out
}

fn one(report: &Report, nth: usize) -> String {
    let findings: String =
        report.findings.iter().take(5).map(|one| format!("<li>{}</li>", text(&one.headline))).collect();
    let findings = if findings.is_empty() { "<li>nothing was found</li>".to_owned() } else { findings };
    format!(
        "<h3>{}. {}</h3><ul class=\"plain\">{findings}</ul><p class=\"repeat\"><code>{}</code></p><p class=\"quiet\">run folder <code>{}</code></p>\n",
        letter(nth),
        label(report),
        whole(&report.outcome.repeat),
        whole(&report.outcome.run)
    )
}
