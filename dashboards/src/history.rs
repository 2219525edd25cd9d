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

    /// Least, median and last of a figure.
    pub fn spread(&self, figure: Figure) -> (Option<f64>, Option<f64>, Option<f64>) {
        let mut known: Vec<f64> = self.values(figure).into_iter().flatten().collect();
        let last = self.runs.last().and_then(|run| figure.of(run));
        known.sort_by(f64::total_cmp);
        (known.first().copied(), known.get(known.len() / 2).copied(), last)
    }
}

/// The table of a terminal: verdicts as signs, and for each figure its median and its last value.
pub fn render(trends: &[Trend], style: Style) -> String {
    let mut rows = vec![["scenario / agent", "runs", "last", "verdicts"].map(str::to_owned).to_vec()];
    for figure in Figure::ALL {
        rows[0].extend([format!("{} median", figure.title()), "last".to_owned()]);
    }
    for trend in trends {
        let last = trend.runs.last();
        let mut row = vec![
            trend.name(),
            units::count(trend.runs.len() as u64),
            last.map_or("-", |run| word(run.verdict)).to_owned(),
            trend.marks(20),
        ];
        for figure in Figure::ALL {
            let (_, median, last) = trend.spread(figure);
            row.extend([figure.say(median), figure.say(last)]);
        }
        rows.push(row);
    }
    let lean = [
        Lean::Left,
        Lean::Right,
        Lean::Left,
        Lean::Left,
        Lean::Right,
        Lean::Right,
        Lean::Right,
        Lean::Right,
        Lean::Right,
        Lean::Right,
    ];
    let mut lines = table::columns(&rows, &lean);
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

/// As a table for a pull request or a wiki.
pub fn markdown(trends: &[Trend]) -> String {
    let mut out = String::from("| scenario / agent | runs | last | verdicts |");
    out.extend(Figure::ALL.map(|figure| format!(" {} median | last |", figure.title())));
    out.push_str("\n|---|---:|---|---|---:|---:|---:|---:|---:|---:|\n");
    for trend in trends {
        let last = trend.runs.last().map_or("-", |run| word(run.verdict));
        let _ = write!(out, "| {} | {} | {last} | `{}` |", said(&trend.name()), trend.runs.len(), trend.marks(20));
        for figure in Figure::ALL {
            let (_, median, last) = trend.spread(figure);
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
            let last = figure.say(trend.spread(figure).2);
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
