//! The curve of a capacity search as a plain SVG: offered rate to the right, p99 upwards (logarithmic), one mark a trial.
//!
//! ```text
//!  p99 │            ×  ×     a filled dot held, a cross did not
//!      │        ●│           a line stands at each maximum
//!      │ ●    ●  │
//!      └─────┴───┴────── offered records a second; the knee is marked at the foot
//! ```

use std::fmt::Write;

use results::capacity::{Answer, Capacity, Saw, Search};

use crate::{markup, svg, svg::plot::nice, text::units};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 52.0;
/// No bench offers more, records a second; and no latency is longer, milliseconds.
const MOST: f64 = 1e9;

/// The chart of all searches of a document.
pub fn chart(document: &Capacity) -> String {
    let all = || document.searches.iter().flat_map(|search| &search.trials).filter(|trial| trial.p99_ms > 0.0);
    let right = nice(all().map(|trial| trial.offered_per_s.min(MOST)).fold(1.0, f64::max));
    let low = 10f64.powf(all().map(|trial| trial.p99_ms).fold(f64::MAX, f64::min).clamp(0.1, 1e6).log10().floor());
    let high = 10f64.powf(all().map(|trial| trial.p99_ms).fold(low * 10.0, f64::max).min(MOST).log10().ceil());
    let x = |rate: f64| LEFT + (rate / right).clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT);
    let y = |ms: f64| {
        let share = (ms.max(low) / low).log10() / (high / low).log10();
        HEIGHT - BOTTOM - share.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
    };
    let says = document.searches.iter().map(told).collect::<Vec<_>>().join("; ");
    let (says, of) =
        (markup::text(&says), markup::text(&format!("capacity of {} in {}", document.agent, document.scenario)));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{of}: {says}\">\n{}\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"var(--paper)\"/>\n\
         <text x=\"16\" y=\"24\" style=\"font-size:16px;font-weight:700\">{of}</text>\n\
         <text x=\"16\" y=\"44\" style=\"fill:var(--quiet)\">{says}</text>\n",
        svg::style()
    );
    let mut ms = low;
    while ms <= high * 1.001 {
        let _ = writeln!(
            out,
            "<path class=\"grid\" d=\"M{LEFT} {0:.1}H{1}\"/><text x=\"{2}\" y=\"{3:.1}\" text-anchor=\"end\">{4}</text>",
            y(ms),
            WIDTH - RIGHT,
            LEFT - 8.0,
            y(ms) + 4.0,
            units::millis(ms)
        );
        ms *= 10.0;
    }
    for quarter in 0..=4 {
        let rate = right * f64::from(quarter) / 4.0;
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            x(rate),
            HEIGHT - BOTTOM + 18.0,
            units::rate(rate)
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" style=\"fill:var(--quiet)\">offered, records a second; p99 upwards; a dot held, a cross did not</text>",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 12.0
    );
    for (nth, search) in document.searches.iter().enumerate() {
        draw(&mut out, search, nth, &x, &y);
    }
    out.push_str("</svg>\n");
    out
}

fn draw(out: &mut String, search: &Search, nth: usize, x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) {
    let mut trials: Vec<_> = search.trials.iter().filter(|trial| trial.p99_ms > 0.0).collect();
    trials.sort_by(|a, b| a.offered_per_s.total_cmp(&b.offered_per_s));
    let held = trials.iter().filter(|trial| trial.saw == Saw::Held);
    let line: Vec<String> = held.map(|trial| format!("{:.1} {:.1}", x(trial.offered_per_s), y(trial.p99_ms))).collect();
    if line.len() > 1 {
        let _ = writeln!(out, "<path class=\"line s{nth}\" d=\"M{}\"/>", line.join("L"));
    }
    for trial in trials {
        let (x, y) = (x(trial.offered_per_s), y(trial.p99_ms));
        let about = markup::text(&format!(
            "{} for {:.0} s: p99 {}, backlog {:+.0}/s, agent {:.0} % of a core. {}",
            units::rate(trial.offered_per_s.min(MOST)),
            trial.length_s,
            units::millis(trial.p99_ms),
            trial.backlog_per_s,
            trial.agent_cores * 100.0,
            trial.because
        ));
        let mark = if trial.saw == Saw::Held {
            format!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"var(--s{nth})\"><title>{about}</title></circle>"
            )
        } else {
            format!(
                "<path class=\"line s{nth}\" d=\"M{:.1} {:.1}l8 8m0 -8l-8 8\"><title>{about}</title></path>",
                x - 4.0,
                y - 4.0
            )
        };
        let _ = writeln!(out, "{mark}");
    }
    if let Some(knee) = search.knee_per_s {
        let (at, foot) = (x(knee), HEIGHT - BOTTOM);
        let _ = writeln!(
            out,
            "<path class=\"line s{nth}\" d=\"M{at:.1} {foot}v-10\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\" style=\"fill:var(--s{nth})\">knee {}</text>",
            foot - 14.0 - nth as f64 * 16.0,
            units::rate(knee)
        );
    }
    if let Answer::Sustained { per_s, .. } = search.answer {
        let at = x(per_s);
        let _ = writeln!(
            out,
            "<path class=\"line s{nth}\" stroke-dasharray=\"4 4\" d=\"M{at:.1} {TOP}V{}\"/>\
             <text x=\"{:.1}\" y=\"{}\" text-anchor=\"end\" style=\"fill:var(--s{nth})\">{}</text>",
            HEIGHT - BOTTOM,
            at - 6.0,
            TOP + 12.0 + nth as f64 * 16.0,
            markup::text(&told(search))
        );
    }
}

fn told(search: &Search) -> String {
    let title = if search.rotation { "with rotation" } else { "without rotation" };
    match &search.answer {
        Answer::Sustained { per_s, .. } => format!("{title} {}", units::rate(*per_s)),
        Answer::NotFound { up_to_per_s, .. } => format!("{title} above {}", units::rate(*up_to_per_s)),
        Answer::Unstable { low_per_s, high_per_s, .. } => {
            format!("{title} {} to {}, unstable", units::rate(*low_per_s), units::rate(*high_per_s))
        }
        Answer::Nothing { at_per_s, .. } => format!("{title} not even {}", units::rate(*at_per_s)),
        Answer::Unproven { .. } | Answer::BrokenOff { .. } => format!("{title}: no answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::tests::{document, trial};

    #[test]
    fn the_chart_is_well_formed_and_marks_every_trial() {
        let mut bent = document();
        bent.searches[0].knee_per_s = Some(30_000.0);
        let svg = chart(&bent);
        markup::well_formed(&svg);
        assert!(
            svg.contains(">knee 30.0k/s</text>") && svg.contains("p99 31.0 ms, backlog -3/s, agent 61 % of a core")
        );
        assert_eq!((svg.matches("<circle").count(), svg.matches("l8 8m0").count()), (4, 2));
        assert_eq!(svg.matches("stroke-dasharray=\"4 4\"").count(), 1, "one maximum was found");
        assert!(svg.contains("without rotation above 40.0k/s") && !svg.contains("NaN"));
    }

    #[test]
    fn hostile_words_and_empty_searches_draw_as_well() {
        let mut nasty = document();
        nasty.scenario = "<script>&\u{1b}".into();
        nasty.searches[0].trials = vec![trial(f64::MAX, Saw::Broke, 1e300)];
        nasty.searches[1].trials.clear();
        let svg = chart(&nasty);
        markup::well_formed(&svg);
        assert!(!svg.contains("<script") && !svg.contains("NaN") && !svg.contains("inf"));
        nasty.searches.clear();
        markup::well_formed(&chart(&nasty));
    }
}
