//! The gate on a terminal: the answer, the books, the figures, what to do; and a fixed last line.

use results::{
    gate::{Against, Calibration, Decision, GateDocument, GateReport, Seen, SpeedCheck},
    outcome::Verdict,
};

use super::cells;
use crate::{
    display::{display, display_whole, display_word},
    text::{
        Style, Tone,
        table::{self, Lean},
        units::count,
    },
};

/// Columns of a section's name.
const LABEL: usize = 11;

/// Columns of the table of figures.
const BOUNDS: usize = 4;
const LIMITS: usize = 5;

type Section = (&'static str, Vec<String>);

/// Every gate of a document; ends with [`last_line`] and a newline.
pub fn render(document: &GateDocument, style: Style) -> String {
    let style = Style { width: style.width.clamp(60, 200), ..style };
    let mut out = String::new();
    for (nth, report) in document.gates.iter().enumerate() {
        out.push_str(if nth > 0 { "\n" } else { "" });
        head(report, style, &mut out);
        let sections = [
            ("books", books(report, style)),
            ("speed", speed(report, style)),
            ("findings", findings(report, style)),
            ("unknown", wrapped(untold(report), style)),
            ("note", wrapped(&notes(report), style)),
            ("next", wrapped(&cells::advice(report).into_iter().collect::<Vec<_>>(), style)),
        ];
        for section in sections {
            push(section, style, &mut out);
        }
    }
    out.push_str(&last_line(document));
    out.push('\n');
    out
}

/// The fixed last line: words of `key=value`, separated by one space.
pub fn last_line(document: &GateDocument) -> String {
    let list = |text: fn(&GateReport) -> &str| {
        let mut words: Vec<String> = document.gates.iter().map(|gate| display_word(text(gate))).collect();
        words.dedup();
        words.join(",")
    };
    let sum = |number: fn(&GateReport) -> usize| document.gates.iter().map(number).sum::<usize>();
    let broken = |gate: &GateReport| gate.failed() - gate.count(Decision::Worse);
    let compared = document.gates.iter().any(|gate| gate.against == Against::Runs);
    let what = match (compared, document.verdict) {
        (false, verdict) => format!("gate={}", cells::word(verdict)),
        (true, Verdict::Fail) => "compare=REGRESSION".to_owned(),
        (true, Verdict::Pass) => "compare=NO-REGRESSION".to_owned(),
        (true, Verdict::Unknown) => "compare=UNDECIDED".to_owned(),
    };
    let needed = document.gates.iter().filter_map(GateReport::needed).max().unwrap_or(0);
    format!(
        "tailproof {what} exit={} scenario={} agent={} runs={} pairs={} broken={} worse={} undecided={} needed={needed}",
        document.exit,
        list(|gate| &gate.scenario),
        list(|gate| &gate.agent),
        sum(|gate| gate.runs),
        sum(|gate| gate.pairs.unwrap_or(0)),
        sum(broken),
        sum(|gate| gate.count(Decision::Worse)),
        sum(|gate| gate.count(Decision::Undecided)),
    )
}

/// What a calibration found, and the rules to put into a baseline.
pub fn calibration(rows: &[Calibration], style: Style) -> String {
    let mut lines = vec![["metric", "centre", "spread", "drift", "rule"].map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(|row| {
        let rule = row.rule.map_or("too noisy for any".to_owned(), |rule| {
            format!("percent {}, absolute {}, noise_percent {}", rule.percent, rule.absolute, rule.noise_percent)
        });
        vec![
            row.metric.title().to_owned(),
            cells::value(row.metric, Some(row.centre)),
            format!("{:.1} %", row.spread_percent),
            format!("{:+.1} %", row.drift_percent),
            rule,
        ]
    }));
    let lean = [Lean::Left, Lean::Right, Lean::Right, Lean::Right, Lean::Left];
    let mut table = table::columns(&lines, &lean);
    table[0] = style.paint(Tone::Quiet, &table[0]);
    table.join("\n") + "\n"
}

fn head(report: &GateReport, style: Style, out: &mut String) {
    let (word, tone) = match (&report.against, report.verdict) {
        (Against::Runs, Verdict::Fail) => ("REGRESSION", Tone::Bad),
        (Against::Runs, Verdict::Pass) => ("NO REGRESSION", Tone::Good),
        (Against::Runs, Verdict::Unknown) => ("UNDECIDED", Tone::Doubtful),
        (_, verdict @ Verdict::Pass) => (cells::word(verdict), Tone::Good),
        (_, verdict @ Verdict::Fail) => (cells::word(verdict), Tone::Bad),
        (_, verdict @ Verdict::Unknown) => (cells::word(verdict), Tone::Doubtful),
    };
    let room = " ".repeat(word.len() + 2);
    let text = format!("{}, agent {}: {}", display(&report.scenario), display(&report.agent), cells::answer(report));
    for (nth, line) in table::wrap(&text, style.width - room.len()).iter().enumerate() {
        let head = if nth == 0 { format!("{}  ", style.paint(tone, word)) } else { room.clone() };
        out.push_str(&format!("{head}{}\n", style.paint(Tone::Strong, line)));
    }
    for line in table::wrap(&cells::against(report), style.width - room.len()) {
        out.push_str(&format!("{room}{line}\n"));
    }
}

fn push((label, lines): Section, style: Style, out: &mut String) {
    for (nth, line) in lines.iter().enumerate() {
        let label = if nth == 0 { label } else { "" };
        let line = format!("  {}{line}", style.paint(Tone::Quiet, &format!("{label:<LABEL$}")));
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

fn sign(verdict: Verdict, style: Style) -> String {
    match verdict {
        Verdict::Pass => style.paint(Tone::Good, style.good()),
        Verdict::Unknown => style.paint(Tone::Doubtful, "?"),
        Verdict::Fail => style.paint(Tone::Bad, style.bad()),
    }
}

fn books(report: &GateReport, style: Style) -> Vec<String> {
    let news_only = report.against == Against::Runs;
    let mut rows: Vec<Vec<String>> = report
        .books
        .iter()
        .filter(|book| !news_only || book.verdict == Verdict::Fail)
        .map(|book| {
            vec![
                book.book.name().to_owned(),
                count(book.most),
                format!("admitted {}", count(book.admitted)),
                sign(book.verdict, style),
            ]
        })
        .collect();
    let verdicts = &report.verdicts;
    if verdicts.failed > 0 || !news_only {
        let admitted = if verdicts.admitted == Verdict::Fail { "admitted any" } else { "admitted 0" };
        let failed = count(verdicts.failed as u64);
        rows.push(vec!["failed runs".into(), failed, admitted.into(), sign(verdicts.verdict, style)]);
    }
    let mut lines = table::columns(&rows, &[Lean::Left, Lean::Right, Lean::Left]);
    let broken = report.books.iter().filter(|book| book.verdict == Verdict::Fail);
    let mut told: Vec<String> =
        broken.map(|book| format!("{} {}", book.book.name(), cells::place(book, report))).collect();
    told.extend(verdicts.example.as_ref().map(|(run, why)| format!("{}: {}", display_whole(run), display(why))));
    lines.extend(told.iter().flat_map(|text| table::wrap(text, style.width - LABEL - 2)));
    lines
}

fn speed(report: &GateReport, style: Style) -> Vec<String> {
    // A comparison hides what lies within the noise.
    let hidden = |check: &&SpeedCheck| {
        report.against == Against::Runs && matches!(check.decision, Decision::Same | Decision::Shown)
    };
    let rows: Vec<Vec<String>> = report
        .speed
        .iter()
        .filter(|check| !hidden(check))
        .map(|check| {
            let verdict = match check.decision {
                Decision::Worse => sign(Verdict::Fail, style),
                Decision::Same | Decision::Better => sign(Verdict::Pass, style),
                Decision::Undecided => sign(Verdict::Unknown, style),
                Decision::Shown => String::new(),
            };
            let held = if check.rule.is_some() { format!("limit {}", cells::rule(check)) } else { String::new() };
            vec![
                check.metric.title().to_owned(),
                cells::value(check.metric, check.old),
                cells::value(check.metric, check.new),
                cells::change(check),
                format!("({})", cells::bounds(check)),
                held,
                format!("{verdict} {}", cells::concluded(check.decision)),
            ]
        })
        .collect();
    let mut lines = fitted(rows, style);
    let same = report.speed.iter().filter(hidden).filter(|check| check.decision == Decision::Same);
    let same: Vec<&str> = same.map(|check| check.metric.title()).collect();
    if !same.is_empty() {
        lines.push(format!("no change beyond the noise: {}", same.join(", ")));
    }
    lines
}

/// The table without its limits, then without its bounds, where it would be wider than the terminal.
fn fitted(mut rows: Vec<Vec<String>>, style: Style) -> Vec<String> {
    let lean = [Lean::Left, Lean::Right, Lean::Right, Lean::Right];
    for column in [LIMITS, BOUNDS] {
        let lines = table::columns(&rows, &lean);
        if lines.iter().all(|line| table::visible(line) + LABEL + 2 <= style.width) {
            return lines;
        }
        for row in &mut rows {
            row.remove(column);
        }
    }
    table::columns(&rows, &lean)
}

fn findings(report: &GateReport, style: Style) -> Vec<String> {
    let lines = report.findings.iter().map(|finding| {
        let word = match finding.seen {
            Seen::New => "NEW",
            Seen::Gone => "gone",
            Seen::Unchanged => "unchanged",
        };
        let kind = display(&finding.kind);
        let runs =
            format!("{} of {} old, {} of {} new runs", finding.old_runs, report.others, finding.new_runs, report.runs);
        let line = format!("{word} {kind} ({runs})");
        if finding.seen == Seen::Unchanged { line } else { format!("{line}: {}", display(&finding.example)) }
    });
    lines.flat_map(|line| table::wrap(&line, style.width - LABEL - 2)).collect()
}

/// The reasons that the headline did not tell.
fn untold(report: &GateReport) -> &[String] {
    let told = usize::from(report.verdict == Verdict::Unknown);
    report.unknown_because.get(told..).unwrap_or_default()
}

fn notes(report: &GateReport) -> Vec<String> {
    let named = |check: &SpeedCheck| {
        check.notes.iter().map(|note| format!("{}: {note}", check.metric.title())).collect::<Vec<_>>()
    };
    report.notes.iter().cloned().chain(report.speed.iter().flat_map(named)).collect()
}

fn wrapped(texts: &[String], style: Style) -> Vec<String> {
    texts.iter().flat_map(|text| table::wrap(&display_whole(text), style.width - LABEL - 2)).collect()
}
