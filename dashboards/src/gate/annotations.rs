//! Lines that a CI picks out of a log: GitHub's workflow commands, GitLab's sections.
//!
//! GitHub shows ten annotations a step and drops the rest unseen; so the worst come first and the tenth counts what is left out.

use results::{
    gate::{Decision, GateDocument, GateReport},
    outcome::Verdict,
};

use super::cells;
use crate::display::display;

/// Annotations of one step that GitHub shows.
const MOST: usize = 10;

/// How bad one is; GitHub's own words.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Error,
    Warning,
    Notice,
}

/// `::error title=…::…`, one a line; empty if there is no news.
pub fn github(document: &GateDocument) -> String {
    let mut all: Vec<(Level, String, String)> = document.gates.iter().flat_map(news).collect();
    all.sort_by_key(|(level, ..)| *level);
    if all.len() > MOST {
        let (left, worst) = (all.len() - MOST + 1, all[MOST - 1].0);
        all.truncate(MOST - 1);
        all.push((worst, "tailproof".to_owned(), format!("{left} more, see the log of this step")));
    }
    let line = |(level, title, text): &(Level, String, String)| {
        let word = match level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Notice => "notice",
        };
        format!("::{word} title={}::{}\n", property(title), data(text))
    };
    all.iter().map(line).collect()
}

fn news(report: &GateReport) -> Vec<(Level, String, String)> {
    let title = |what: &str| format!("{what}: {}, agent {}", report.scenario, report.agent);
    let mut all = Vec::new();
    for book in report.books.iter().filter(|book| book.verdict == Verdict::Fail) {
        let text =
            format!("{} {}, {} admitted, {}", book.most, book.book.name(), book.admitted, cells::place(book, report));
        all.push((Level::Error, title(book.book.name()), text));
    }
    if report.verdicts.verdict == Verdict::Fail
        && let Some((run, why)) = &report.verdicts.example
    {
        all.push((Level::Error, title("failed"), format!("{why} ({run})")));
    }
    for check in &report.speed {
        let level = match check.decision {
            Decision::Worse => Level::Error,
            Decision::Better => Level::Notice,
            Decision::Undecided | Decision::Same | Decision::Shown => continue,
        };
        let (old, new) = (cells::value(check.metric, check.old), cells::value(check.metric, check.new));
        let text = format!("{old} -> {new}, {} ({})", cells::change(check), cells::bounds(check));
        all.push((level, title(check.metric.title()), text));
    }
    all.extend(report.unknown_because.iter().map(|why| (Level::Warning, title("unknown"), why.clone())));
    all
}

/// The text of a command: what would end it is escaped as GitHub unescapes it.
fn data(text: &str) -> String {
    display(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a command, where colon and comma separate.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// `text` for a log in which GitHub looks for commands, at the begin of a line and, as they once were written, anywhere: none of
/// it is one.
pub fn github_log(text: &str) -> String {
    let line = |line: &str| {
        let words = line.trim_start();
        let indent = &line[..line.len() - words.len()];
        let escape = if words.starts_with("::") { "\\" } else { "" };
        format!("{indent}{escape}{}\n", words.replace("##[", "#\\#["))
    };
    text.lines().map(line).collect()
}

/// `text` as a section of GitLab's log that is folded unless something is wrong; the last line stays outside, so that it
/// ends the log. `unix_s`: now, seconds since 1970.
pub fn gitlab_section(document: &GateDocument, text: &str, unix_s: u64) -> String {
    let folded = if document.verdict == Verdict::Pass { "true" } else { "false" };
    let (table, last) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end()));
    format!(
        "\u{1b}[0Ksection_start:{unix_s}:tailproof_gate[collapsed={folded}]\r\u{1b}[0Ktailproof gate {}\n{table}\n\
         \u{1b}[0Ksection_end:{unix_s}:tailproof_gate\r\u{1b}[0K\n{last}\n",
        cells::word(document.verdict)
    )
}
