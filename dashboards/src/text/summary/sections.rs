//! The paragraphs under the headline, each a name and lines; those with nothing to say are left out.

use results::{
    gate::Seen,
    outcome::{Outcome, Verdict},
};

use super::{LABEL, Lean, Limits, Style, Tone, answer, display, display_whole, table, units};
use crate::{
    routes::{self, Table},
    since::{Since, seen},
};

/// Figures that a table shows however narrow it is.
const LEAST_FIGURES: usize = 2;
/// Items told of one list; more are only counted.
const MOST: usize = 8;

type Section = (&'static str, Vec<String>);

/// All of them, in order.
pub(super) fn all(outcome: &Outcome, limits: &Limits, since: Option<&Since>, style: Style) -> Vec<Section> {
    let mut sections = vec![
        ("books", books(outcome, limits, style)),
        ("routes", table_of(routes::routes(outcome), room(style))),
        ("processes", table_of(routes::processes(outcome), room(style))),
        ("stalled", stalled(outcome, style)),
        ("why", why(outcome, style)),
        ("findings", told(&outcome.findings, style)),
        ("since", since.map_or_else(Vec::new, |since| news(since, style))),
        ("unknown", told(outcome.unknown_because.get(1..).unwrap_or_default(), style)),
        ("seen", proofs(outcome, style)),
        ("delivery", delivery(outcome, limits, style)),
        ("rate", rates(outcome)),
        ("used", used(outcome)),
        ("run", vec![display_whole(&outcome.run)]),
        ("repeat", vec![display_whole(&outcome.repeat)]),
        ("next", vec![next(outcome)]),
    ];
    sections.retain(|(_, lines)| lines.iter().any(|line| !line.is_empty()));
    sections
}

fn books(outcome: &Outcome, limits: &Limits, style: Style) -> Vec<String> {
    let books = &outcome.books;
    let flow = [
        ("sent", books.sent),
        ("written", books.written),
        ("expected", books.expected),
        ("delivered", books.delivered),
    ];
    let flow: Vec<String> = flow.iter().map(|(name, n)| format!("{name} {}", units::count(*n))).collect();
    let rows: Vec<Vec<String>> = answer::promises(outcome, limits)
        .iter()
        .map(|promise| {
            let limit = promise.limit.map_or("any".to_owned(), |limit| format!("limit {}", units::count(limit)));
            let sign = match (promise.limit, promise.broken()) {
                (None, _) => String::new(),
                (_, true) => style.paint(Tone::Bad, style.bad()),
                (_, false) => style.paint(Tone::Good, style.good()),
            };
            vec![promise.name.to_owned(), units::count(promise.value), limit, sign]
        })
        .collect();
    let mut lines = vec![flow.join(", ")];
    lines.extend(table::columns(&rows, &[Lean::Left, Lean::Right, Lean::Left, Lean::Left]));
    if books.source_lost > 0 {
        lines.push(format!(
            "{} at the source, before any agent could read them: not counted as lost",
            units::counted(books.source_lost, "record")
        ));
        let reasons: Vec<String> = routes::source_losses(outcome);
        lines.extend(listed(&reasons, |why| table::wrap(&format!("  {}", display(why)), room(style))));
    }
    lines
}

/// A table under its own head. Where it is too wide, columns that say nothing go first, then the last ones; and it says so.
fn table_of(table: Option<Table>, room: usize) -> Vec<String> {
    let Some(Table { head, rows, words }) = table else { return Vec::new() };
    let lean: Vec<Lean> = (0..head.len()).map(|at| if at < words { Lean::Left } else { Lean::Right }).collect();
    let head: Vec<String> = head.into_iter().map(str::to_owned).collect();
    let cells = rows.iter().map(|row| row.iter().map(|cell| display(cell).into_owned()).collect());
    let all: Vec<Vec<String>> = std::iter::once(head).chain(cells).collect();
    let mut kept: Vec<usize> = (0..lean.len()).collect();
    let shown = |kept: &[usize]| {
        let of = |row: &Vec<String>| kept.iter().map(|&at| row[at].clone()).collect();
        let lean: Vec<Lean> = kept.iter().map(|&at| lean[at]).collect();
        table::columns(&all.iter().map(of).collect::<Vec<_>>(), &lean)
    };
    let is_empty = |at: usize| all[1..].iter().all(|row| ["0", "-", "none"].contains(&row[at].as_str()));
    let mut lines = shown(&kept);
    while lines.iter().any(|line| table::visible(line) > room) && kept.len() > words + LEAST_FIGURES {
        // A count of losses is told even if there are none.
        let idle = kept.iter().rposition(|&at| all[0][at] != "lost" && is_empty(at));
        kept.remove(idle.unwrap_or(kept.len() - 1));
        lines = shown(&kept);
    }
    let gone = (0..lean.len()).filter(|at| !kept.contains(at) && !is_empty(*at)).count();
    if gone > 0 {
        lines.push(format!("{} for which there is no room: see the page", units::counted(gone as u64, "more column")));
    }
    lines
}

fn stalled(outcome: &Outcome, style: Style) -> Vec<String> {
    let say = |stall: &results::outcome::StallReport| {
        let end = stall
            .until_s
            .map_or("never moved again".to_owned(), |until| format!("moved again at {}", units::seconds(until)));
        let undelivered = match stall.undelivered {
            0 => String::new(),
            n => format!(", {} undelivered at the end", units::count(n)),
        };
        let after = if stall.after.is_empty() { String::new() } else { format!("; after {}", display(&stall.after)) };
        let stream = display(&stall.stream);
        table::wrap(
            &format!("{stream} stood from {}, {end}{undelivered}{after}", units::seconds(stall.from_s)),
            room(style),
        )
    };
    listed(&outcome.stalls, say)
}

fn why(outcome: &Outcome, style: Style) -> Vec<String> {
    let say = |cause: &results::outcome::Cause| {
        let stream = if cause.stream.is_empty() { String::new() } else { format!(" in {}", display(&cause.stream)) };
        let head =
            format!("{} {}{stream}: {}", units::count(cause.count), display(&cause.verdict), display(&cause.cause));
        let mut lines = vec![style.paint(Tone::Strong, &head)];
        lines.extend(
            table::wrap(&display(&cause.evidence), room(style) - 2).into_iter().map(|line| format!("  {line}")),
        );
        lines
    };
    listed(&outcome.causes, say)
}

fn told(sentences: &[String], style: Style) -> Vec<String> {
    listed(sentences, |sentence| table::wrap(&display(sentence), room(style)))
}

/// What came and went since the run before.
fn news(since: &Since, style: Style) -> Vec<String> {
    let mut lines = table::wrap(&format!("{}: {}", display(&since.about()), since.counts()), room(style));
    lines.extend(listed(&since.changes, |change| {
        let line = format!("{} {}", seen(change.seen), display(&change.kind));
        vec![if change.seen == Seen::New { style.paint(Tone::Strong, &line) } else { line }]
    }));
    lines
}

fn proofs(outcome: &Outcome, style: Style) -> Vec<String> {
    let seen = &outcome.proofs;
    let mut parts: Vec<String> = [
        (seen.rotations, "rotation"),
        (seen.archives, "archive"),
        (seen.symlink_swaps, "symlink swap"),
        (seen.faults, "fault"),
        (seen.agent_interruptions, "agent interruption"),
        (seen.sink_refusals, "sink refusal"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, noun)| units::counted(n, noun))
    .collect();
    if seen.inodes_reused > 0 {
        let steered = if seen.inodes_steered > 0 {
            format!(" ({} steered by the bench)", units::count(seen.inodes_steered))
        } else {
            String::new()
        };
        parts.push(format!("{}{steered}", units::counted(seen.inodes_reused, "reused inode number")));
    }
    if parts.is_empty() {
        return vec!["no rotation, no swap, no fault took effect".to_owned()];
    }
    table::wrap(&parts.join(", "), room(style))
}

fn delivery(outcome: &Outcome, limits: &Limits, style: Style) -> Vec<String> {
    if outcome.books.delivered == 0 {
        return Vec::new();
    }
    let ms = &outcome.latency_ms;
    let limit = limits.p99_ms.map_or(String::new(), |limit| {
        let sign =
            if ms.p99 > limit { style.paint(Tone::Bad, style.bad()) } else { style.paint(Tone::Good, style.good()) };
        format!(" (limit {}) {sign}", units::millis(limit))
    });
    vec![
        format!(
            "p50 {}, p99 {}{limit}, p99.9 {}, max {}",
            units::millis(ms.p50),
            units::millis(ms.p99),
            units::millis(ms.p999),
            units::millis(ms.max)
        ),
        "from the time each record was due, over the measure phase".to_owned(),
    ]
}

fn rates(outcome: &Outcome) -> Vec<String> {
    let rates = &outcome.rates;
    if rates.sent_per_s <= 0.0 {
        return Vec::new();
    }
    let (sent, bytes) = (units::rate(rates.sent_per_s), units::byte_rate(rates.sent_bytes_per_s));
    let on = answer::on_routes(outcome);
    vec![format!("written {sent} ({bytes}), delivered {}{on}", units::rate(rates.delivered_per_s))]
}

fn used(outcome: &Outcome) -> Vec<String> {
    let used = &outcome.resources;
    let both = used.agent_cpu_s + used.bench_cpu_s;
    if both <= 0.0 {
        return Vec::new();
    }
    let share = (used.bench_cpu_s / both * 100.0).round();
    vec![
        format!(
            "agent CPU {}, memory peak {}",
            units::seconds(used.agent_cpu_s),
            units::bytes(used.agent_rss_max_bytes)
        ),
        format!(
            "bench CPU {} ({share:.0}% of both), memory peak {}",
            units::seconds(used.bench_cpu_s),
            units::bytes(used.bench_rss_max_bytes)
        ),
    ]
}

/// What is worth typing next.
fn next(outcome: &Outcome) -> String {
    let (scenario, run) = (shell_word(&outcome.scenario), shell_word(&outcome.run));
    match (outcome.verdict, &outcome.defect, outcome.broken_off) {
        (_, _, true) => format!("tailproof report {run}   (what was seen until then)"),
        (Verdict::Fail, Some(_), _) => {
            format!("tailproof run {scenario}   (the same question without the planted bug)")
        }
        (Verdict::Fail, None, _) => format!("tailproof report {run} --json   (every cause as data)"),
        (Verdict::Unknown, ..) => {
            format!("tailproof show {scenario}   (what has to be seen for it to prove something)")
        }
        (Verdict::Pass, ..) => "tailproof defects   (plant a bug and see this bench catch it)".to_owned(),
    }
}

/// A word that a shell takes for itself when the line is pasted, whatever a folder is called.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/-+:@%=,".contains(c);
    let shown = display_whole(text);
    if !shown.is_empty() && shown.chars().all(plain) {
        return shown;
    }
    format!("'{}'", shown.replace('\'', "'\\''"))
}

fn room(style: Style) -> usize {
    style.width - LABEL - 2
}

fn listed<T>(items: &[T], say: impl Fn(&T) -> Vec<String>) -> Vec<String> {
    let mut lines: Vec<String> = items.iter().take(MOST).flat_map(say).collect();
    if items.len() > MOST {
        lines.push(format!("and {} more; see the report with --json", units::count((items.len() - MOST) as u64)));
    }
    lines
}
