//! Trends over stored runs: per scenario, agent and defect, what came out and what it cost, oldest first.

use std::{collections::BTreeMap, fmt::Write};

use results::outcome::{Outcome, Verdict};

use crate::{
    display::{display, display_word},
    markdown::said,
    markup, svg,
    text::{
        Style, Tone,
        summary::word,
        table::{self, Lean},
        units,
    },
};

/// Runs kept of each series; the oldest go first.
const MOST: usize = 500;

/// The runs of one question to one agent, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend {
    /// Scenario, agent, planted defect.
    pub key: (String, String, Option<String>),
    /// The runs.
    pub runs: Vec<Outcome>,
    /// Older runs that were left out.
    pub left_out: usize,
}

/// A figure that a trend is shown of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// Records delivered a second.
    Rate,
    /// 99th percentile of delivery latency.
    P99,
    /// CPU of the agent per delivered record.
    CpuPerRecord,
}

impl Figure {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rate, Self::P99, Self::CpuPerRecord];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Rate => "delivered",
            Self::P99 => "p99",
            Self::CpuPerRecord => "CPU a record",
        }
    }

    /// Its value in a run, if the run has it.
    pub fn of(self, outcome: &Outcome) -> Option<f64> {
        let delivered = outcome.books.delivered;
        let value = match self {
            Self::Rate => outcome.rates.delivered_per_s,
            Self::P99 => outcome.latency_ms.p99,
            Self::CpuPerRecord => outcome.resources.agent_cpu_s * 1e6 / delivered.max(1) as f64,
        };
        (delivered > 0 && value > 0.0 && value.is_finite()).then_some(value)
    }

    /// A value in words.
    pub fn say(self, value: Option<f64>) -> String {
        value.map_or("-".to_owned(), |value| match self {
            Self::Rate => units::rate(value),
            Self::P99 => units::millis(value),
            Self::CpuPerRecord => units::millis(value / 1e3),
        })
    }
}

/// The series of these runs, which are given oldest first.
pub fn trends(runs: impl IntoIterator<Item = Outcome>) -> Vec<Trend> {
    let mut series: BTreeMap<(String, String, Option<String>), Vec<Outcome>> = BTreeMap::new();
    for run in runs {
        let key = (run.scenario.clone(), run.agent.clone(), run.defect.clone());
        series.entry(key).or_default().push(run);
    }
    let trend = |(key, mut runs): (_, Vec<Outcome>)| {
        let left_out = runs.len().saturating_sub(MOST);
        runs.drain(..left_out);
        Trend { key, runs, left_out }
    };
    series.into_iter().map(trend).collect()
}

impl Trend {
    /// `scenario / agent (defect)`, on one plain line.
    pub fn name(&self) -> String {
        let (scenario, agent, defect) = &self.key;
        let defect = defect.as_ref().map_or(String::new(), |id| format!(" (defect {})", display(id)));
        format!("{} / {}{defect}", display(scenario), display(agent))
    }

    /// One sign a run, newest last: `.` pass, `x` fail, `?` unknown; at most so many.
    pub fn marks(&self, most: usize) -> String {
        let sign = |run: &Outcome| match run.verdict {
            Verdict::Pass => '.',
            Verdict::Fail => 'x',
            Verdict::Unknown => '?',
        };
        self.runs[self.runs.len().saturating_sub(most)..].iter().map(sign).collect()
    }

    /// The values of a figure, one a run.
    pub fn values(&self, figure: Figure) -> Vec<Option<f64>> {
        self.runs.iter().map(|run| figure.of(run)).collect()
    }

    /// Median and last of a figure.
    pub fn spread(&self, figure: Figure) -> (Option<f64>, Option<f64>) {
        let mut known: Vec<f64> = self.values(figure).into_iter().flatten().collect();
        known.sort_by(f64::total_cmp);
        // Of an even number the two in the middle share it.
        let (low, high) = (known.len().saturating_sub(1) / 2, known.len() / 2);
        let median = known.get(high).map(|above| f64::midpoint(known[low], *above));
        (median, self.runs.last().and_then(|run| figure.of(run)))
    }
}

/// The table of a terminal: verdicts as signs, and for each figure its median and its last value. Where that is too wide
/// medians go first, then figures.
pub fn render(trends: &[Trend], style: Style) -> String {
    let forms =
        [(3, true), (3, false), (2, false), (1, false)].map(|(figures, medians)| rows(trends, figures, medians));
    let fits = |lines: &&Vec<String>| lines.iter().all(|line| table::visible(line) <= style.width);
    let mut lines = forms.iter().find(fits).unwrap_or(&forms[3]).clone();
    if let Some(head) = lines.first_mut() {
        *head = style.paint(Tone::Quiet, head);
    }
    let mut out = String::new();
    for line in lines {
        let _ = writeln!(out, "{line}");
    }
    out.push_str(". pass   x fail   ? unknown; oldest left, at most 20\n");
    out
}

/// The rows of the table, with so many figures.
fn rows(trends: &[Trend], figures: usize, medians: bool) -> Vec<String> {
    let figures = &Figure::ALL[..figures];
    let mut head = ["scenario / agent", "runs", "last", "verdicts"].map(str::to_owned).to_vec();
    for figure in figures {
        let title = figure.title();
        head.extend(if medians { vec![format!("{title} median"), "last".to_owned()] } else { vec![title.to_owned()] });
    }
    let row = |trend: &Trend| {
        let verdict = trend.runs.last().map_or("-", |run| word(run.verdict));
        let runs = units::count(trend.runs.len() as u64);
        let mut row = vec![trend.name(), runs, verdict.to_owned(), trend.marks(20)];
        for figure in figures {
            let (median, last) = trend.spread(*figure);
            row.extend(medians.then(|| figure.say(median)));
            row.push(figure.say(last));
        }
        row
    };
    let mut lean = vec![Lean::Left, Lean::Right, Lean::Left, Lean::Left];
    lean.resize(head.len(), Lean::Right);
    let all: Vec<Vec<String>> = std::iter::once(head).chain(trends.iter().map(row)).collect();
    table::columns(&all, &lean)
}

/// As a table for a pull request or a wiki.
pub fn markdown(trends: &[Trend]) -> String {
    let mut out = String::from("| scenario / agent | runs | last | verdicts |");
    out.extend(Figure::ALL.map(|figure| format!(" {} median | last |", figure.title())));
    out.push_str("\n|---|---:|---|---|---:|---:|---:|---:|---:|---:|\n");
    for trend in trends {
        let last = trend.runs.last().map_or("-", |run| word(run.verdict));
        let _ = write!(out, "| {} | {} | {last} | `{}` |", said(&trend.name()), trend.runs.len(), trend.marks(20));
        for figure in Figure::ALL {
            let (median, last) = trend.spread(figure);
            let _ = write!(out, " {} | {} |", figure.say(median), figure.say(last));
        }
        out.push('\n');
    }
    out
}

/// The trends as a picture: a row each, a small line per figure.
pub fn picture(trends: &[Trend]) -> String {
    const ROW: usize = 48;
    let height = 40 + trends.len() * ROW;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1000 {height}\" role=\"img\" aria-label=\"trends of {} series\">\n{}\
         <rect width=\"1000\" height=\"{height}\" fill=\"var(--paper)\"/>",
        trends.len(),
        svg::style()
    );
    for (nth, figure) in Figure::ALL.iter().enumerate() {
        let _ = write!(out, "<text x=\"{}\" y=\"24\">{}</text>", 310 + nth * 230, figure.title());
    }
    for (nth, trend) in trends.iter().enumerate() {
        let top = 36 + nth * ROW;
        let name: String = trend.name().chars().take(42).collect();
        let _ = write!(
            out,
            "\n<text x=\"12\" y=\"{}\">{}</text><text x=\"12\" y=\"{}\" style=\"fill:var(--quiet);font-size:11px\">{}</text>",
            top + 16,
            markup::text(&name),
            top + 32,
            trend.marks(40)
        );
        let passed: Vec<bool> = trend.runs.iter().map(|run| run.verdict == Verdict::Pass).collect();
        for (nth, figure) in Figure::ALL.into_iter().enumerate() {
            let last = figure.say(trend.spread(figure).1);
            let says = format!("{} of {}: last {last}", figure.title(), trend.name());
            let _ = write!(
                out,
                "<svg x=\"{}\" y=\"{top}\" width=\"150\" height=\"36\">{}</svg><text x=\"{}\" y=\"{}\" style=\"font-size:11px\">{last}</text>",
                310 + nth * 230,
                svg::trend::trend(&trend.values(figure), &passed, &says),
                466 + nth * 230,
                top + 22
            );
        }
    }
    out + "\n</svg>\n"
}

/// As lines of JSON, one a run: what a spreadsheet wants.
pub fn lines(trends: &[Trend]) -> String {
    let line = |run: &Outcome| {
        let figures = Figure::ALL.map(|figure| figure.of(run).map_or("null".to_owned(), |value| format!("{value:.3}")));
        format!(
            "{{\"run\":{},\"scenario\":{},\"agent\":{},\"verdict\":\"{}\",\"delivered_per_s\":{},\"p99_ms\":{},\"agent_cpu_us_per_record\":{}}}\n",
            serde_json::json!(run.run),
            serde_json::json!(run.scenario),
            serde_json::json!(run.agent),
            display_word(word(run.verdict)).to_lowercase(),
            figures[0],
            figures[1],
            figures[2]
        )
    };
    trends.iter().flat_map(|trend| &trend.runs).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        markup::well_formed,
        text::examples::{failed_outcome, outcome},
    };

    fn runs() -> Vec<Trend> {
        let slow = |p99| {
            let mut one = outcome();
            one.latency_ms.p99 = p99;
            one
        };
        let mut empty = outcome();
        empty.verdict = Verdict::Unknown;
        empty.books.delivered = 0;
        trends([
            slow(100.0),
            slow(300.0),
            slow(200.0),
            failed_outcome(),
            empty,
            Outcome { defect: Some("d<b>".into()), ..failed_outcome() },
        ])
    }

    #[test]
    fn runs_of_one_question_stand_in_one_row_with_median_and_last() {
        insta::assert_snapshot!(render(&runs(), Style { width: 200, ..Style::PLAIN }));
    }

    #[test]
    fn of_an_even_number_of_runs_the_two_in_the_middle_share_the_median() {
        let p99 =
            |ms| Outcome { latency_ms: results::outcome::Latency { p99: ms, ..outcome().latency_ms }, ..outcome() };
        let median = |runs: &[f64]| trends(runs.iter().map(|ms| p99(*ms)))[0].spread(Figure::P99).0;
        assert_eq!([median(&[300.0, 100.0]), median(&[300.0, 100.0, 50.0])], [Some(200.0), Some(100.0)]);
    }

    #[test]
    fn the_table_fits_its_terminal_as_long_as_names_do() {
        for width in [80, 100, 120, 150] {
            let text = render(&runs(), Style { width, ..Style::PLAIN });
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}\n{text}");
            assert!(text.contains("40.0k/s"), "{text}");
        }
    }

    #[test]
    fn a_run_without_deliveries_has_no_figures_but_a_verdict() {
        let trend = &runs()[0];
        assert_eq!(trend.marks(20), "...x?");
        assert_eq!(trend.values(Figure::P99), [Some(100.0), Some(300.0), Some(200.0), Some(210.4), None]);
        assert_eq!(trend.marks(2), "x?");
    }

    #[test]
    fn every_form_is_well_formed_and_escaped() {
        let picture = picture(&runs());
        well_formed(&picture);
        assert!(!picture.contains("<b>") && !markdown(&runs()).contains("<b>"));
        for line in lines(&runs()).lines() {
            let document: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(document["scenario"], "tail-stall");
        }
    }

    #[test]
    fn a_history_of_thousands_keeps_the_newest() {
        let mut many: Vec<Outcome> = vec![outcome(); MOST + 10];
        many.last_mut().unwrap().verdict = Verdict::Fail;
        let trend = &trends(many)[0];
        assert_eq!((trend.runs.len(), trend.left_out), (MOST, 10));
        assert!(trend.marks(3).ends_with('x'));
    }
}
