//! The gate for a pull request: the answer, the news as a table, the rest folded away.

use results::{
    gate::{Decision, GateDocument, GateReport, Seen},
    outcome::Verdict,
};

use super::cells;
use crate::{
    markdown::{mark, said, said_in_tags},
    text::units::count,
};

/// Largest text, bytes: GitHub refuses comments of 65,536 characters.
pub const LARGEST: usize = 60_000;
/// Sentences of one list.
const MOST: usize = 20;

/// One section for each scenario and agent, failures first. What would not fit is left out whole and counted.
pub fn markdown(document: &GateDocument) -> String {
    let mut gates: Vec<&GateReport> = document.gates.iter().collect();
    gates.sort_by_key(|gate| std::cmp::Reverse(gate.verdict));
    let mut out = String::new();
    for (nth, gate) in gates.iter().enumerate() {
        let section = section(gate);
        if out.len() + section.len() > LARGEST {
            out.push_str(&format!("\n… and {} more, see the log.\n", gates.len() - nth));
            break;
        }
        out.push_str(&section);
    }
    out
}

fn section(report: &GateReport) -> String {
    let mut out = format!(
        "### {} {} · {} · {}\n\n{}\n\n",
        mark(report.verdict),
        cells::word(report.verdict),
        said(&report.scenario),
        said(&report.agent),
        said(&cells::answer(report)),
    );
    let (news, rest): (Vec<Row>, Vec<Row>) = rows(report).into_iter().partition(|row| row.is_news);
    if !news.is_empty() {
        out.push_str(&table(&news));
    }
    out.push_str(&list("Unknown because", &report.unknown_because));
    out.push_str(&list("What to do", &cells::advice(report).into_iter().collect::<Vec<_>>()));
    let new: Vec<String> = (report.findings.iter().filter(|finding| finding.seen == Seen::New))
        .map(|finding| format!("{}: {}", finding.kind, finding.example))
        .collect();
    out.push_str(&list("New findings", &new));
    out.push_str(&list("Notes", &report.notes));
    out.push_str(&format!("<details><summary>{}</summary>\n\n", said_in_tags(&cells::against(report))));
    if !rest.is_empty() {
        out.push_str(&table(&rest));
    }
    out.push_str("</details>\n\n");
    out
}

struct Row {
    is_news: bool,
    verdict: Option<Verdict>,
    cells: [String; 5],
}

fn rows(report: &GateReport) -> Vec<Row> {
    let books = report.books.iter().map(|book| Row {
        is_news: book.verdict == Verdict::Fail,
        verdict: Some(book.verdict),
        cells: [
            book.book.name().to_owned(),
            format!("{} admitted", count(book.admitted)),
            count(book.most),
            "-".to_owned(),
            cells::place(book, report),
        ],
    });
    let failed = &report.verdicts;
    let verdicts = Row {
        is_news: failed.verdict == Verdict::Fail,
        verdict: Some(failed.verdict),
        cells: [
            "failed runs".to_owned(),
            if failed.admitted == Verdict::Fail { "admitted".to_owned() } else { "0 admitted".to_owned() },
            count(failed.failed as u64),
            "-".to_owned(),
            failed.example.as_ref().map_or(String::new(), |(_, why)| why.clone()),
        ],
    };
    let speed = report.speed.iter().map(|check| Row {
        is_news: !matches!(check.decision, Decision::Same | Decision::Shown),
        verdict: match check.decision {
            Decision::Worse => Some(Verdict::Fail),
            Decision::Undecided => Some(Verdict::Unknown),
            Decision::Same | Decision::Better => Some(Verdict::Pass),
            Decision::Shown => None,
        },
        cells: [
            check.metric.title().to_owned(),
            cells::value(check.metric, check.old),
            cells::value(check.metric, check.new),
            format!("{} ({})", cells::change(check), cells::bounds(check)),
            cells::decision(check),
        ],
    });
    books.chain([verdicts]).chain(speed).collect()
}

fn table(rows: &[Row]) -> String {
    let mut out = "| | what | before | now | change | |\n|---|---|---:|---:|---:|---|\n".to_owned();
    for row in rows {
        let cells: Vec<String> = row.cells.iter().map(|cell| said(cell)).collect();
        out.push_str(&format!("| {} | {} |\n", row.verdict.map_or("", mark), cells.join(" | ")));
    }
    out.push('\n');
    out
}

fn list(title: &str, texts: &[String]) -> String {
    if texts.is_empty() {
        return String::new();
    }
    let mut out = format!("**{title}**\n\n");
    texts.iter().take(MOST).for_each(|line| out.push_str(&format!("- {}\n", said(line))));
    if texts.len() > MOST {
        out.push_str(&format!("- and {} more\n", texts.len() - MOST));
    }
    out.push('\n');
    out
}
