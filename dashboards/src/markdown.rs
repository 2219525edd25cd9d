//! Runs for a pull request: the worst first, a line each, the books of those that did not pass, less than 64 kB.
//!
//! Names come from outside and end up where a name may ping a person or close an issue: what a forge would act on is broken
//! up so that it only shows.

use std::fmt::Write;

use results::{gate::Seen, outcome::Verdict};

use crate::{
    display::{display, display_whole},
    report::Report,
    routes::{self, Table},
    text::{
        summary::{answer, word},
        units::{self, count},
    },
};

/// A forge drops a comment that is longer, whole.
const MOST_BYTES: usize = 60_000;
/// Findings told of one run.
const MOST_FINDINGS: usize = 8;

/// The runs, worst first.
pub fn render(reports: &[Report]) -> String {
    let mut order: Vec<&Report> = reports.iter().collect();
    order.sort_by_key(|report| std::cmp::Reverse(report.outcome.verdict));
    let mut out = headline(&order);
    out.push_str("\n| | scenario | agent | verdict | delivered | p99 |\n|---|---|---|---|---:|---:|\n");
    let mut left_out = 0;
    for report in &order {
        let line = row(report);
        // Half of the room is for the table, half for what is behind it.
        if out.len() + line.len() > MOST_BYTES / 2 {
            left_out += 1;
        } else {
            out.push_str(&line);
        }
    }
    if left_out > 0 {
        let _ = writeln!(out, "\n{left_out} more runs are not listed, none of them worse than these.");
    }
    let mut silent = 0;
    for report in &order {
        let section = section(report);
        if out.len() + section.len() > MOST_BYTES {
            silent += 1;
        } else {
            out.push_str(&section);
        }
    }
    if silent > 0 {
        let _ = writeln!(out, "\n{silent} more runs are not told in full: there is no room for them here.");
    }
    out
}

fn headline(order: &[&Report]) -> String {
    let of = |verdict| order.iter().filter(|report| report.outcome.verdict == verdict).count();
    let (fail, unknown, pass) = (of(Verdict::Fail), of(Verdict::Unknown), of(Verdict::Pass));
    let sign = if fail > 0 {
        "❌"
    } else if unknown > 0 || pass == 0 {
        "❔"
    } else {
        "✅"
    };
    format!("### {sign} tailproof: {fail} failed, {unknown} unknown, {pass} passed\n")
}

/// The sign of a verdict.
pub(crate) fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✅",
        Verdict::Fail => "❌",
        Verdict::Unknown => "❔",
    }
}

fn row(report: &Report) -> String {
    let outcome = &report.outcome;
    let planted = outcome.defect.as_ref().map_or(String::new(), |id| format!(" (planted {})", said(id)));
    format!(
        "| {} | {} | {}{planted} | {}: {} | {} | {} |\n",
        mark(outcome.verdict),
        said(&outcome.scenario),
        said(&outcome.agent),
        word(outcome.verdict),
        said(&answer::answer(outcome, &report.limits)),
        units::rate(outcome.rates.delivered_per_s),
        units::millis(outcome.latency_ms.p99)
    )
}

/// The books and findings of a run; of one that passed only folded.
fn section(report: &Report) -> String {
    let outcome = &report.outcome;
    let name = |said: fn(&str) -> String| {
        let (scenario, agent) = (said(&outcome.scenario), said(&outcome.agent));
        format!("{} {scenario} / {agent}, seed {}", mark(outcome.verdict), outcome.seed)
    };
    let (mut out, close) = match outcome.verdict {
        Verdict::Pass => (format!("\n<details><summary>{}</summary>\n\n", name(said_in_tags)), "\n</details>\n"),
        Verdict::Fail | Verdict::Unknown => (format!("\n#### {}\n\n", name(said)), "\n"),
    };
    out.push_str("| count | found | limit | |\n|---|---:|---:|---|\n");
    for promise in answer::promises(outcome, &report.limits) {
        let limit = promise.limit.map_or("any".to_owned(), count);
        let mark = match (promise.limit, promise.broken()) {
            (None, _) => "",
            (_, true) => "❌",
            (_, false) => "✅",
        };
        let _ = writeln!(out, "| {} | {} | {limit} | {mark} |", promise.name, count(promise.value));
    }
    if let Some(limit) = report.limits.p99_ms {
        let p99 = outcome.latency_ms.p99;
        let mark = if p99 > limit { "❌" } else { "✅" };
        let _ = writeln!(out, "| delivery p99 | {} | {} | {mark} |", units::millis(p99), units::millis(limit));
    }
    for table in [routes::routes(outcome), routes::processes(outcome)].into_iter().flatten() {
        out.push_str(&beside(&table));
    }
    let told = report.findings.iter().take(MOST_FINDINGS).map(|one| format!("{}: {}", one.headline, one.evidence));
    let source = routes::source_losses(outcome).into_iter().map(|why| format!("at the source: {why}"));
    let unknown = outcome.unknown_because.iter().take(MOST_FINDINGS).cloned();
    let told: Vec<String> = told.chain(source.take(MOST_FINDINGS)).chain(unknown).collect();
    if !told.is_empty() {
        out.push('\n');
    }
    for line in told {
        let _ = writeln!(out, "- {}", said(&line));
    }
    if let Some(since) = &report.since {
        let new = since.changes.iter().filter(|change| change.seen == Seen::New);
        let new: Vec<&str> = new.take(MOST_FINDINGS).map(|change| change.kind.as_str()).collect();
        let named = if new.is_empty() { String::new() } else { format!(": {}", new.join(", ")) };
        let _ = writeln!(out, "- since {}: {}{}", said(&since.about()), since.counts(), said(&named));
    }
    if let Some(what) = report.left_out() {
        let _ = writeln!(out, "- left out on request: {what}");
    }
    if report.findings_in_all > MOST_FINDINGS {
        let _ = writeln!(out, "- and {} more", report.findings_in_all - MOST_FINDINGS);
    }
    let fence = fence(&outcome.repeat);
    let _ = write!(out, "\n{fence}sh\n{}\n{fence}\n{close}", display_whole(&outcome.repeat));
    out
}

/// A table of its own.
fn beside(table: &Table) -> String {
    let lean = |at: usize| if at < table.words { "---" } else { "---:" };
    let leans: Vec<&str> = (0..table.head.len()).map(lean).collect();
    let mut out = format!("\n| {} |\n|{}|\n", table.head.join(" | "), leans.join("|"));
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(|cell| said(cell)).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out
}

/// A fence that the text cannot close.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// Text from outside, for a paragraph or a cell: shown, and never acted upon.
pub(crate) fn said(text: &str) -> String {
    harmless(text, true)
}

/// The same between tags, where no Markdown is read: a backslash would only show.
pub(crate) fn said_in_tags(text: &str) -> String {
    harmless(text, false)
}

fn harmless(text: &str, is_markdown: bool) -> String {
    let mut out = String::new();
    let text = display(text);
    for (at, c) in text.char_indices() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '|' | '~' | '!' | '$' if is_markdown => {
                out.extend(['\\', c]);
            }
            // A mention, a reference, a link: the comment between keeps a forge from seeing one.
            '@' | '#' => out.extend([c.to_string(), "<!-- -->".to_owned()]),
            ':' if text[at..].starts_with("://") => out.push_str(":<!-- -->"),
            '.' if text[..at].to_ascii_lowercase().ends_with("www") => out.push_str("<!-- -->."),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::examples::{failed, report, stall_story},
        text::examples::outcome,
    };

    #[test]
    fn the_worst_comes_first_with_its_books_and_why() {
        let reports = [report(outcome(), stall_story()), report(failed(), stall_story())];
        insta::assert_snapshot!(render(&reports));
    }

    #[test]
    fn a_hundred_runs_with_long_names_still_fit_and_say_what_is_missing() {
        let mut bad = failed();
        bad.scenario = "s".repeat(300);
        bad.causes = vec![bad.causes[0].clone(); 50];
        let reports = vec![report(bad, stall_story()); 200];
        let text = render(&reports);
        assert!(text.len() < 64_000, "{}", text.len());
        assert!(text.contains("more runs are not listed") && text.contains("more runs are not told in full"), "{text}");
    }

    #[test]
    fn a_name_cannot_ping_link_close_a_cell_or_become_markup() {
        let shown = said("@alice #12 https://x.example www.x <b>|`a`\u{202e}[x](y)");
        assert_eq!(
            shown,
            "@<!-- -->alice #<!-- -->12 https:<!-- -->//x.example www<!-- -->.x &lt;b&gt;\\|\\`a\\`\\\\u\\{202e\\}\\[x\\]\\(y\\)"
        );
        assert_eq!(said_in_tags("a_b @alice <b> www.x"), "a_b @<!-- -->alice &lt;b&gt; www<!-- -->.x");
        let mut outcome = failed();
        outcome.repeat = "tailproof run x ```\n# y".into();
        let text = render(&[report(outcome, Vec::new())]);
        assert!(text.contains("````sh\ntailproof run x ```\\n# y\n````\n"), "{text}");
    }
}
