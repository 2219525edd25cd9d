//! The first screen: what was asked, what came out, which promises with which limits, why, and how to see it again.

use std::fmt::Write;

use results::outcome::Verdict;

use super::number;
use crate::{
    markup::{text, whole},
    report::Report,
    routes::{self, Table},
    text::{
        summary::{answer as words, word},
        units::{self, count, counted},
    },
};

/// Sentences told of one list.
const MOST: usize = 40;

pub(super) fn answer(report: &Report) -> String {
    let outcome = &report.outcome;
    let question = if report.question.is_empty() { "What became of the records?" } else { &report.question };
    let mut out = format!(
        "<p class=\"kicker\">tailproof · scenario {} · agent {} · seed {}</p>\n<h1>{}</h1>\n",
        text(&outcome.scenario),
        text(&outcome.agent),
        outcome.seed,
        text(question)
    );
    let class = class(outcome.verdict);
    let sentence = text(&words::answer(outcome, &report.limits));
    let _ = writeln!(out, "<p class=\"verdict {class}\"><strong>{}</strong> {sentence}</p>", word(outcome.verdict));
    if let Some(defect) = &outcome.defect {
        let _ = writeln!(
            out,
            "<p class=\"planted\"><strong>A defect was planted: {}.</strong> This run shows what the bug does; it says nothing \
             about the agent without it.</p>",
            text(defect)
        );
    }
    if outcome.broken_off {
        out.push_str("<p><span class=\"doubt\">Broken off.</span> What follows is what was seen until then; missing records may still have been on their way.</p>\n");
    }
    if !outcome.unknown_because.is_empty() {
        let _ = writeln!(out, "<p>It proves less than it should:</p>{}", list(&outcome.unknown_because));
    }
    out.push_str(&figures(report));
    if !outcome.repeat.is_empty() {
        let _ = writeln!(
            out,
            "<p class=\"repeat\"><span>again</span> <code id=\"repeat\">{}</code><button type=\"button\" data-copies=\"repeat\" \
             hidden>copy</button></p>",
            whole(&outcome.repeat)
        );
    }
    out
}

/// The figures that say what the verdict rests on.
fn figures(report: &Report) -> String {
    let outcome = &report.outcome;
    let (seen, used) = (&outcome.proofs, &outcome.resources);
    let mut facts: Vec<(&str, String, String)> = vec![(
        "rotations seen",
        count(seen.rotations),
        format!("{}, {}", counted(seen.archives, "archive"), counted(seen.inodes_reused, "reused inode")),
    )];
    if seen.faults > 0 {
        let hit = format!(
            "{}, {}",
            counted(seen.agent_interruptions, "interruption"),
            counted(seen.sink_refusals, "refusal")
        );
        facts.push(("faults that took effect", count(seen.faults), hit));
    }
    if outcome.rates.sent_per_s > 0.0 {
        let on = words::on_routes(outcome);
        let delivered = format!("{} delivered{on}", units::rate(outcome.rates.delivered_per_s));
        facts.push(("written", units::rate(outcome.rates.sent_per_s), delivered));
    }
    if outcome.books.delivered > 0 {
        let ms = &outcome.latency_ms;
        facts.push((
            "delivery p99",
            units::millis(ms.p99),
            format!("p50 {}, max {}", units::millis(ms.p50), units::millis(ms.max)),
        ));
    }
    if used.agent_cpu_s > 0.0 {
        facts.push((
            "agent CPU",
            units::seconds(used.agent_cpu_s),
            format!("memory peak {}", units::bytes(used.agent_rss_max_bytes)),
        ));
        let share = used.bench_cpu_s / (used.bench_cpu_s + used.agent_cpu_s) * 100.0;
        facts.push((
            "bench's share of CPU",
            format!("{share:.0}%"),
            format!("at most {} behind its schedule", late(report)),
        ));
    }
    facts.push((
        "length",
        units::seconds(report.end_us as f64 / 1e6),
        format!("{} events", count(report.events as u64)),
    ));
    let cell = |(name, value, more): &(&str, String, String)| {
        format!("<div><dt>{name}</dt><dd>{value}<small>{more}</small></dd></div>")
    };
    format!("<dl class=\"facts\">{}</dl>\n", facts.iter().map(cell).collect::<String>())
}

fn late(report: &Report) -> String {
    let lane = report.lanes.iter().find(|lane| lane.id == "bench");
    units::millis(lane.map_or(0.0, crate::report::lanes::Lane::max))
}

pub(super) fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Unknown => "unknown",
    }
}

/// The sign and word of a promise.
pub(super) fn sign(limit: Option<u64>, broken: bool) -> &'static str {
    match (limit, broken) {
        (None, _) => "<span class=\"quiet\">no limit</span>",
        (_, true) => "<span class=\"broken\">✗ broken</span>",
        (_, false) => "<span class=\"kept\">✓ kept</span>",
    }
}

pub(super) fn books(report: &Report) -> String {
    let outcome = &report.outcome;
    let books = &outcome.books;
    let mut out = String::from("<h2 id=\"books\">The books</h2>\n");
    let _ = writeln!(
        out,
        "<p>Every record is booked before it is written and checked byte for byte when it arrives: sent {}, written {}, expected {}, \
         delivered {}. Seven counts, never netted against each other.</p>",
        count(books.sent),
        count(books.written),
        count(books.expected),
        count(books.delivered)
    );
    out.push_str(
        "<div class=\"scroll\"><table class=\"books\"><thead><tr><th scope=\"col\">count</th><th scope=\"col\" class=\"n\">found</th>\
         <th scope=\"col\" class=\"n\">limit</th><th scope=\"col\">promise</th><th scope=\"col\" class=\"also\">what it counts</th></tr></thead>\n<tbody>",
    );
    for promise in words::promises(outcome, &report.limits) {
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th>{}{}<td>{}</td><td class=\"also quiet\">{}</td></tr>",
            promise.name,
            number(&count(promise.value)),
            number(&promise.limit.map_or("any".to_owned(), count)),
            sign(promise.limit, promise.broken()),
            meaning(promise.name)
        );
    }
    if let Some(limit) = report.limits.p99_ms {
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">delivery p99</th>{}{}<td>{}</td><td class=\"also quiet\">from the time each record was due</td></tr>",
            number(&units::millis(outcome.latency_ms.p99)),
            number(&units::millis(limit)),
            sign(Some(0), outcome.latency_ms.p99 > limit)
        );
    }
    out.push_str("</tbody></table></div>\n");
    if books.source_lost > 0 {
        let _ = writeln!(
            out,
            "<p>{} at the source, before any agent could read them: not counted as lost.</p>{}",
            counted(books.source_lost, "record"),
            list(&routes::source_losses(outcome))
        );
    }
    if books.to_drop > 0 {
        let _ = writeln!(
            out,
            "<p>{} had to be dropped by the agent: none of them may arrive.</p>",
            counted(books.to_drop, "record")
        );
    }
    out.push_str(&beside("routes", "Route by route", routes::routes(outcome)));
    out.push_str(&beside("processes", "Process by process", routes::processes(outcome)));
    out
}

/// A table of its own under its own heading.
fn beside(id: &str, title: &str, table: Option<Table>) -> String {
    let Some(table) = table else { return String::new() };
    let head = |(at, name): (usize, &&str)| {
        let class = if at < table.words { "" } else { " class=\"n\"" };
        format!("<th scope=\"col\"{class}>{name}</th>")
    };
    let cell = |(at, cell): (usize, &String)| match at {
        0 => format!("<th scope=\"row\">{}</th>", text(cell)),
        at if at < table.words => format!("<td>{}</td>", text(cell)),
        _ => number(&text(cell)),
    };
    let head: String = table.head.iter().enumerate().map(head).collect();
    let row = |row: &Vec<String>| format!("<tr>{}</tr>\n", row.iter().enumerate().map(cell).collect::<String>());
    let rows: String = table.rows.iter().map(row).collect();
    format!(
        "<h3 id=\"{id}\">{title}</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{id}, can be scrolled\">\
         <table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table></div>\n"
    )
}

fn meaning(name: &str) -> &'static str {
    match name {
        "lost" => "due, and no copy arrived, whole or damaged",
        "stalled" => "streams with undelivered records that stood still beyond the limit",
        "duplicated" => "surplus copies; allowed only for what was in flight at a crash or whose answer was lost",
        "corrupted" => "cut, merged, filled or changed",
        "misattributed" => "arrived under a wrong path, tag or stream",
        "unexpected" => "nobody sent it",
        _ => "arrived after a later record of its stream",
    }
}

pub(super) fn why(report: &Report) -> String {
    let outcome = &report.outcome;
    if report.findings.is_empty() && outcome.findings.is_empty() {
        return String::new();
    }
    let mut out = String::from("<h2 id=\"why\">Why</h2>\n");
    if !report.findings.is_empty() {
        out.push_str("<ol class=\"plain\">");
        for (nth, finding) in report.findings.iter().take(MOST).enumerate() {
            let _ = writeln!(
                out,
                "<li><a href=\"#f{}\">{}</a><br><span class=\"quiet\">{}</span></li>",
                nth + 1,
                text(&finding.headline),
                text(&finding.evidence)
            );
        }
        out.push_str("</ol>\n");
        if report.findings_in_all > MOST {
            let _ = writeln!(out, "<p>and {} more; all are in the data.</p>", report.findings_in_all - MOST);
        }
    }
    if !outcome.findings.is_empty() {
        let _ = writeln!(out, "<p>In the judge's words:</p>{}", list(&outcome.findings));
    }
    out
}

/// Sentences, and how many more there are.
pub(super) fn list(sentences: &[String]) -> String {
    let items: String = sentences.iter().take(MOST).map(|line| format!("<li>{}</li>", text(line))).collect();
    let more = sentences.len().saturating_sub(MOST);
    let more = if more > 0 { format!("<li>and {more} more; see <code>run.json</code></li>") } else { String::new() };
    format!("<ul class=\"plain\">{items}{more}</ul>\n")
}
