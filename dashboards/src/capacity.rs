//! What a capacity search found, for people: a line a trial while it runs, a table and sentences at the end, a chart.

use results::capacity::{Answer, Capacity, Saw, Search, Trial};

use crate::{
    display::{display, display_whole},
    text::{
        Style, Tone,
        table::{Lean, columns, wrap},
        units,
    },
};

pub mod chart;

/// One trial in a line: `trial 7  24.0k/s  held  p99 12 ms  backlog +0/s  agent 61 %`.
pub fn line(nth: usize, trial: &Trial) -> String {
    let word = word(trial.saw);
    let why = if trial.because.is_empty() { String::new() } else { format!("  {}", display(&trial.because)) };
    format!(
        "trial {nth:>2}  {:>8}  {:>4.0} s  {word:<7}  p99 {:>7}  backlog {:>+7.0}/s  agent {:>3.0} %{why}",
        units::rate(trial.offered_per_s),
        trial.length_s,
        units::millis(trial.p99_ms),
        trial.backlog_per_s,
        trial.agent_cores * 100.0
    )
}

/// How long a search still takes, most likely.
pub fn left(seconds: f64) -> String {
    if seconds < 90.0 {
        format!("about {:.0} s left", seconds.max(0.0))
    } else {
        format!("about {:.0} min left", seconds / 60.0)
    }
}

/// The whole document as text: the answers first, then every trial.
pub fn render(document: &Capacity, style: Style) -> String {
    let mut out = String::new();
    let defect = document.defect.as_ref().map_or(String::new(), |id| format!("   DEFECT PLANTED: {}", display(id)));
    let head = format!("capacity of {} in {}{defect}", display(&document.agent), display(&document.scenario));
    out.push_str(&format!("{}\n", style.paint(Tone::Strong, &head)));
    for row in answers(document) {
        out.push_str(&format!("  {row}\n"));
    }
    for search in &document.searches {
        for sentence in sentences(search) {
            paragraph(&mut out, "  ", &sentence, style.width);
        }
    }
    out.push('\n');
    for search in &document.searches {
        out.push_str(&format!("  {}\n", style.paint(Tone::Quiet, &title(search))));
        for row in trials(search) {
            out.push_str(&format!("    {row}\n"));
        }
    }
    out.push('\n');
    for note in &document.notes {
        paragraph(&mut out, "  note    ", note, style.width);
    }
    out.push_str(&format!(
        "  folder  {}\n  repeat  {}\n",
        display_whole(&document.folder),
        display_whole(&document.repeat)
    ));
    out.push_str(&last(document));
    out
}

/// The fixed last line, for scripts.
pub fn last(document: &Capacity) -> String {
    let of = |search: &Search| {
        let key = if search.rotation { "rotation" } else { "no_rotation" };
        let (word, rate) = match &search.answer {
            Answer::Sustained { per_s, .. } => ("sustained", *per_s),
            Answer::NotFound { up_to_per_s, .. } => ("above", *up_to_per_s),
            Answer::Unstable { low_per_s, .. } => ("unstable", *low_per_s),
            Answer::Nothing { .. } => ("nothing", 0.0),
            Answer::Unproven { .. } => ("unproven", 0.0),
            Answer::BrokenOff { held_per_s, .. } => ("broken-off", held_per_s.unwrap_or(0.0)),
        };
        format!(" {key}={word}:{rate:.0}")
    };
    let found: String = document.searches.iter().map(of).collect();
    format!(
        "tailproof capacity exit={} scenario={} agent={}{found} folder={}\n",
        document.exit(),
        crate::display::display_word(&document.scenario),
        crate::display::display_word(&document.agent),
        crate::display::display_word(&document.folder)
    )
}

fn title(search: &Search) -> String {
    if search.rotation { "with rotation".to_owned() } else { "without rotation".to_owned() }
}

fn answers(document: &Capacity) -> Vec<String> {
    let head = ["", "maximum", "fails at", "knee", "safe (80 %)", "agent", "bench"].map(str::to_owned).to_vec();
    let rate = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), units::rate);
    let row = |search: &Search| {
        let (maximum, fails) = match &search.answer {
            Answer::Sustained { per_s, fails_per_s, .. } => (units::rate(*per_s), Some(*fails_per_s)),
            Answer::NotFound { up_to_per_s, .. } => (format!("above {}", units::rate(*up_to_per_s)), None),
            Answer::Unstable { low_per_s, high_per_s, .. } => {
                (format!("{} to {}?", units::rate(*low_per_s), units::rate(*high_per_s)), None)
            }
            Answer::BrokenOff { held_per_s, failed_per_s } => (
                held_per_s.map_or_else(|| "?".to_owned(), |held| format!("at least {}", units::rate(held))),
                *failed_per_s,
            ),
            Answer::Nothing { at_per_s, .. } => ("none".to_owned(), Some(*at_per_s)),
            Answer::Unproven { .. } => ("?".to_owned(), None),
        };
        // What agent and bench used at the highest rate that held.
        let good = search.trials.iter().filter(|trial| trial.saw == Saw::Held);
        let best = good.max_by(|a, b| a.offered_per_s.total_cmp(&b.offered_per_s));
        let cores =
            |of: fn(&Trial) -> f64| best.map_or_else(|| "-".to_owned(), |trial| format!("{:.0} %", of(trial) * 100.0));
        let knee = rate(search.knee_per_s);
        vec![
            title(search),
            maximum,
            rate(fails),
            knee,
            rate(search.safe_per_s()),
            cores(|t| t.agent_cores),
            cores(|t| t.bench_cores),
        ]
    };
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(document.searches.iter().map(row)).collect();
    let right = Lean::Right;
    columns(&rows, &[Lean::Left, right, right, right, right, right, right])
}

fn sentences(search: &Search) -> Vec<String> {
    let title = title(search);
    let mut said = vec![match &search.answer {
        Answer::Sustained { per_s, fails_per_s, fails_because, .. } => format!(
            "{title}: sustained {} (holds {}, fails {}: {})",
            units::rate(*per_s),
            units::rate(*per_s),
            units::rate(*fails_per_s),
            display(fails_because)
        ),
        Answer::NotFound { up_to_per_s, because } => {
            format!("{title}: not found up to {} ({})", units::rate(*up_to_per_s), display(because))
        }
        Answer::Unstable { low_per_s, high_per_s, estimates } => format!(
            "{title}: unstable, {} rounds gave {} to {}; use a quieter machine or a longer --length",
            estimates.len(),
            units::rate(*low_per_s),
            units::rate(*high_per_s)
        ),
        Answer::Nothing { at_per_s, because } => {
            format!("{title}: not even {} held: {}", units::rate(*at_per_s), display(because))
        }
        Answer::Unproven { because } => format!("{title}: the trials prove nothing: {}", display(because)),
        Answer::BrokenOff { .. } => format!("{title}: broken off before there was an answer"),
    }];
    said.extend(search.contradictions.iter().map(|sentence| format!("{title}: {}", display(sentence))));
    said
}

fn trials(search: &Search) -> Vec<String> {
    let head = ["offered", "written", "delivered", "", "p99", "backlog", "agent", "bench", "late"];
    let row = |trial: &Trial| {
        vec![
            units::rate(trial.offered_per_s),
            units::rate(trial.written_per_s),
            units::rate(trial.delivered_per_s),
            word(trial.saw).to_owned(),
            units::millis(trial.p99_ms),
            format!("{:+.0}/s", trial.backlog_per_s),
            format!("{:.0} %", trial.agent_cores * 100.0),
            format!("{:.0} %", trial.bench_cores * 100.0),
            units::millis(trial.bench_late_ms),
        ]
    };
    let mut sorted: Vec<&Trial> = search.trials.iter().collect();
    sorted.sort_by(|a, b| a.offered_per_s.total_cmp(&b.offered_per_s));
    let rows: Vec<Vec<String>> =
        std::iter::once(head.map(str::to_owned).to_vec()).chain(sorted.into_iter().map(row)).collect();
    let mut lean = [Lean::Right; 9];
    lean[3] = Lean::Left;
    columns(&rows, &lean)
}

fn word(saw: Saw) -> &'static str {
    match saw {
        Saw::Held => "held",
        Saw::Broke => "broke",
        Saw::Bench => "bench",
        Saw::Unclear => "unclear",
    }
}

fn paragraph(out: &mut String, head: &str, text: &str, width: usize) {
    let lines = wrap(text, width.saturating_sub(head.len()).max(20));
    for (at, line) in lines.iter().enumerate() {
        let indent = if at == 0 { head.to_owned() } else { " ".repeat(head.len()) };
        out.push_str(&format!("{indent}{line}\n"));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn trial(offered_per_s: f64, saw: Saw, p99_ms: f64) -> Trial {
        let broke = saw != Saw::Held;
        Trial {
            offered_per_s,
            written_per_s: offered_per_s,
            delivered_per_s: if broke { 40_000.0 } else { offered_per_s },
            length_s: 10.0,
            saw,
            because: if broke { "the backlog grew by 1520 records a second".into() } else { String::new() },
            p50_ms: p99_ms / 3.0,
            p99_ms,
            max_ms: p99_ms * 1.5,
            backlog_per_s: if broke { 1_520.0 } else { -3.0 },
            backlog_error_per_s: 20.0,
            backlog_end: 300,
            agent_cores: 0.61,
            bench_cores: 0.4,
            bench_late_ms: 2.0,
            rotations: 4,
            lost: 0,
            run: "r".into(),
        }
    }

    pub(crate) fn document() -> Capacity {
        let trials = vec![
            trial(20_000.0, Saw::Held, 12.0),
            trial(40_000.0, Saw::Held, 31.0),
            trial(41_500.0, Saw::Broke, 900.0),
        ];
        let search = |rotation, answer| Search {
            rotation,
            trials: trials.clone(),
            answer,
            knee_per_s: None,
            contradictions: Vec::new(),
        };
        let sustained = Answer::Sustained {
            per_s: 40_000.0,
            fails_per_s: 41_500.0,
            fails_because: "the backlog grew by 1520 records a second".into(),
            estimates: vec![40_000.0; 3],
        };
        let beyond = Answer::NotFound { up_to_per_s: 40_000.0, because: "bench limit".into() };
        Capacity {
            schema: 1,
            scenario: "tail-stall".into(),
            agent: "builtin".into(),
            defect: None,
            seed: 1,
            length_s: 10.0,
            latency_p99_limit_ms: None,
            cores: 2,
            broken_off: false,
            searches: vec![search(true, sustained), search(false, beyond)],
            notes: vec!["load, agent and judge share one machine: the agent alone may reach more".into()],
            repeat: "tailproof capacity tail-stall --both".into(),
            folder: "results/capacity/x".into(),
        }
    }

    #[test]
    fn both_maxima_stand_in_one_table_before_the_trials() {
        insta::assert_snapshot!(render(&document(), Style::PLAIN));
    }

    #[test]
    fn what_a_trial_says_of_itself_passes_the_door() {
        let mut nasty = trial(1.0, Saw::Broke, 1.0);
        nasty.because = "\u{1b}[2J".into();
        assert!(!line(1, &nasty).contains('\u{1b}'));
        let mut document = document();
        document.searches[0].answer = Answer::Unproven { because: "\u{1b}[2J".into() };
        document.notes = vec!["a".repeat(300)];
        assert!(!render(&document, Style::PLAIN).contains('\u{1b}'));
    }

    #[test]
    fn time_left_is_told_in_the_unit_that_fits() {
        assert_eq!(
            (left(-3.0), left(41.6), left(200.0)),
            ("about 0 s left".into(), "about 42 s left".into(), "about 3 min left".into())
        );
    }
}
