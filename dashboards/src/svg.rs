//! Pictures of a run: the parts that the page is made of, and a whole one that stands alone, for READMEs and pull requests.
//!
//! ```text
//!  plot      lines, bands and shades, without text      page and picture
//!  timeline  a row per stream, a bar per file           page and picture
//!  trend     one figure over many runs                  history
//! ```
//! A picture carries its own colours, light and dark, and asks for nothing from outside.

use std::fmt::Write;

use crate::{
    markup,
    report::{Report, lanes::Lane, spans::Kind},
    text::{
        summary::{answer, word},
        units,
    },
};

pub mod plot;
mod strips;
pub mod timeline;
pub mod trend;

/// Colours of charts, as classes.
pub(crate) const CHARTS: &str = include_str!("../assets/charts.css");
/// The colours on light ground.
pub(crate) const LIGHT: &str = include_str!("../assets/light.css");
/// The colours on dark ground.
pub(crate) const DARK: &str = include_str!("../assets/dark.css");

const WIDTH: f64 = 1000.0;
/// Room left of the plots.
const LEFT: f64 = timeline::LABEL;
/// Height of a plot, and from one to the next.
const PLOT: f64 = 62.0;
const STEP: f64 = 78.0;
/// Room for the headline.
const HEAD: f64 = 76.0;

/// The style of a picture that stands alone.
pub(crate) fn style() -> String {
    format!("<style>svg{{{LIGHT}}}@media (prefers-color-scheme:dark){{svg{{{DARK}}}}}{CHARTS}</style>")
}

/// The picture of a run: verdict, charts, timeline of files.
pub fn render(report: &Report) -> String {
    let lanes: Vec<&Lane> = report.lanes.iter().filter(|lane| lane.points() > 1).collect();
    let files = timeline::draw(report);
    let below = HEAD + lanes.len() as f64 * STEP;
    let height = below + 34.0 + files.height + 24.0;
    let sentence = answer::answer(&report.outcome, &report.limits);
    let (title, sentence) = (markup::text(&report.title()), markup::text(&sentence));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"{title}: {sentence}\">\n{}<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"var(--paper)\"/>\n",
        style()
    );
    let colour = match report.outcome.verdict {
        results::outcome::Verdict::Pass => "good",
        results::outcome::Verdict::Fail => "bad",
        results::outcome::Verdict::Unknown => "doubt",
    };
    let word = word(report.outcome.verdict);
    let _ = writeln!(
        out,
        "<text x=\"16\" y=\"28\" style=\"font-size:18px;font-weight:700;fill:var(--{colour})\">{word}</text>\
         <text x=\"{}\" y=\"28\" style=\"font-size:16px\">{}: {sentence}</text>",
        30 + word.len() * 13,
        markup::text(&report.outcome.scenario)
    );
    let planted = report.outcome.defect.as_ref().map(|id| format!(", planted defect {}", markup::text(id)));
    let _ = writeln!(
        out,
        "<text x=\"16\" y=\"50\" style=\"fill:var(--quiet)\">agent {}, seed {}{}{}</text>",
        markup::text(&report.outcome.agent),
        report.outcome.seed,
        planted.unwrap_or_default(),
        shaded(report)
    );
    for (nth, lane) in lanes.iter().enumerate() {
        out.push_str(&row(report, lane, HEAD + nth as f64 * STEP));
    }
    out.push_str(&times(report, below + 6.0));
    let _ = writeln!(out, "<g transform=\"translate(0 {:.0})\">{}</g>\n</svg>", below + 34.0, files.body);
    out
}

/// What the shades mean, if there are any.
fn shaded(report: &Report) -> String {
    let kinds = [(Kind::Fault, "fault in force"), (Kind::Down, "agent down"), (Kind::Stall, "stream stalled")];
    let seen = |kind: Kind| report.spans.0.iter().any(|span| span.kind == kind);
    let seen: Vec<&str> = kinds.into_iter().filter(|(kind, _)| seen(*kind)).map(|(_, word)| word).collect();
    if seen.is_empty() { String::new() } else { format!("; shaded: {}", seen.join(", ")) }
}

fn row(report: &Report, lane: &Lane, top: f64) -> String {
    let scale = plot::Scale::of(lane, report.end_us, PLOT);
    let mut out = format!("<text x=\"{}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>", LEFT - 8.0, top + 12.0, lane.id);
    for (at, series) in lane.series.iter().enumerate() {
        let last = series.cells.last().map_or("-".to_owned(), |cell| lane.unit.say(cell.mean));
        // Many series stand in two columns, so that they end where the lane does.
        let (x, down) = if lane.series.len() > 3 { (76.0 * (at % 2) as f64, at / 2) } else { (0.0, at) };
        let _ = write!(
            out,
            "<text x=\"{}\" y=\"{:.0}\" text-anchor=\"end\" style=\"font-size:11px;fill:var(--s{})\">{} {last}</text>",
            LEFT - 8.0 - x,
            top + 28.0 + down as f64 * 14.0,
            series.nth,
            series.name
        );
    }
    let _ = writeln!(
        out,
        "<svg x=\"{LEFT}\" y=\"{top}\" width=\"{}\" height=\"{PLOT}\" viewBox=\"0 0 {} {PLOT}\" \
         preserveAspectRatio=\"none\">{}</svg><text x=\"{}\" y=\"{:.0}\" text-anchor=\"end\" \
         style=\"font-size:11px;fill:var(--quiet)\">{}</text>",
        WIDTH - LEFT,
        plot::WIDTH,
        plot::lane(lane, &report.spans.0, &report.rotations, &scale),
        WIDTH - 4.0,
        top + 11.0,
        lane.unit.say(scale.high)
    );
    out
}

fn times(report: &Report, y: f64) -> String {
    let mut out = String::new();
    for quarter in 0..=4u64 {
        let anchor = match quarter {
            0 => "start",
            4 => "end",
            _ => "middle",
        };
        let x = LEFT + (WIDTH - LEFT) * quarter as f64 / 4.0;
        let time = units::seconds(report.end_us as f64 / 1e6 * quarter as f64 / 4.0);
        let time = if quarter == 0 { "0 s".to_owned() } else { time };
        let _ = write!(
            out,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" style=\"font-size:11px;fill:var(--quiet)\">{time}</text>"
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        markup::well_formed,
        report::examples::{failed, report, stall_story},
    };

    #[test]
    fn a_picture_stands_alone_and_is_well_formed() {
        let svg = render(&report(failed(), stall_story()));
        assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"));
        assert!(!svg.contains("href") && !svg.contains("url(") && !svg.contains("<script"));
        well_formed(&svg);
    }

    #[test]
    fn a_run_without_events_is_a_picture_too() {
        let svg = render(&report(failed(), Vec::new()));
        assert!(!svg.contains("NaN") && svg.contains("2,906 of 7,680,000 records lost"), "{svg}");
        well_formed(&svg);
    }

    #[test]
    fn hostile_names_stay_text() {
        let mut outcome = failed();
        outcome.scenario = "a</text><script>\u{202e}\u{ffff}".into();
        outcome.defect = Some("\"><b>".into());
        let mut report = report(outcome, stall_story());
        report.names[0] = "<image href=x>\u{1b}".into();
        let svg = render(&report);
        assert!(!svg.contains("<script") && !svg.contains("<image") && !svg.contains("<b>"));
        well_formed(&svg);
    }
}
