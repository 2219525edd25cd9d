//! The timeline of files: a row per stream, a bar per generation, its inode number in it.
//!
//! ```text
//!  measure  ▐ measure                                   ▌     strips of what was going on
//!  web-00   ▐ 5456145 ▌▐ 5455999 ▌▐ 5456091 ▌▐ 5455999 ↺1 ▌     thick: written to; thin: renamed, not yet unlinked; × unlinked
//!  worker   ▐ 5456157                                     ▌
//! ```

use std::{collections::BTreeMap, fmt::Write};

use super::{plot::Scale, strips};
use crate::{
    markup,
    report::{Report, timeline::Generation},
};

/// Rows drawn.
const MOST_ROWS: usize = 40;
/// Bars drawn in a row.
const MOST_BARS: usize = 400;
/// Bars drawn in all.
const MOST_IN_ALL: usize = 3_000;
/// Height of a row.
const ROW: f64 = 30.0;
/// Room left of the bars.
pub(super) const LABEL: f64 = 228.0;
/// Characters that fit there.
const MOST_LABEL: usize = 31;
/// Width of the picture.
const WIDTH: f64 = 1000.0;

/// The picture's inside, its height, and how much was left out: (streams, generations).
pub struct Drawn {
    /// Elements.
    pub body: String,
    /// Their height.
    pub height: f64,
    /// Streams without a row.
    pub streams_left_out: usize,
    /// Generations without a bar.
    pub generations_left_out: usize,
}

/// Draws the streams that have most to tell first: losses, then rotations.
pub fn draw(report: &Report) -> Drawn {
    let mut rows: BTreeMap<u16, Vec<&Generation>> = BTreeMap::new();
    for one in &report.generations {
        rows.entry(one.stream).or_default().push(one);
    }
    let mut order: Vec<(u16, Vec<&Generation>)> = rows.into_iter().collect();
    let rank = |row: &[&Generation]| (row.iter().any(|one| one.hurt()), row.len());
    order.sort_by_key(|(stream, row)| (std::cmp::Reverse(rank(row)), *stream));
    let streams_left_out = order.len().saturating_sub(MOST_ROWS);
    order.truncate(MOST_ROWS);
    let scale = Scale { end_us: report.end_us, low: 0.0, high: 1.0, log: false, height: 1.0 };
    let (mut body, above) = strips::draw(report, &scale);
    let mut drawn = 0;
    for (nth, (stream, row)) in order.iter().enumerate() {
        let top = above + nth as f64 * ROW;
        body.push_str(&label(&report.name(*stream), top + 19.0));
        let room = MOST_BARS.min(MOST_IN_ALL - drawn);
        let shown = chosen(row, room);
        drawn += shown.len();
        body.extend(shown.iter().map(|one| bar(report, one, &scale, top)));
    }
    let height = above + (order.len() as f64 * ROW).max(ROW);
    Drawn { body, height, streams_left_out, generations_left_out: report.generations.len() - drawn }
}

/// A name left of the bars, cut to fit.
pub(super) fn label(name: &str, y: f64) -> String {
    let mut short: String = name.chars().take(MOST_LABEL).collect();
    if name.chars().nth(MOST_LABEL).is_some() {
        short.pop();
        short.push('…');
    }
    let x = LABEL - 8.0;
    format!("<text class=\"label\" x=\"{x}\" y=\"{y:.0}\" text-anchor=\"end\">{}</text>", markup::text(&short))
}

/// As many as there is room for: those that lost records and their neighbours first, then from the beginning.
fn chosen<'a>(row: &[&'a Generation], room: usize) -> Vec<&'a Generation> {
    if row.len() <= room {
        return row.to_vec();
    }
    let telling = |at: usize| {
        let near = at.saturating_sub(1)..(at + 2).min(row.len());
        row[near].iter().any(|one| one.hurt())
    };
    let mut places: Vec<usize> = (0..row.len()).collect();
    places.sort_by_key(|&at| (!telling(at), at));
    places.truncate(room);
    places.sort_unstable();
    places.into_iter().map(|at| row[at]).collect()
}

pub(super) fn x(scale: &Scale, t_us: u64) -> f64 {
    LABEL + scale.x(t_us) / super::plot::WIDTH * (WIDTH - LABEL)
}

fn bar(report: &Report, one: &Generation, scale: &Scale, top: f64) -> String {
    let closed = one.closed_us.unwrap_or(report.end_us);
    let (from, until) = (x(scale, one.opened_us), x(scale, closed));
    let gone = one.unlinked_us.map(|t_us| x(scale, t_us));
    let class = match one.lost {
        Some(lost) if lost > 0 && lost >= one.records() => "bar lost",
        Some(lost) if lost > 0 => "bar part",
        Some(_) => "bar whole",
        None => "bar",
    };
    let mut out = format!("<g><title>{}</title>", markup::whole(&sentence(report, one)));
    let tail = gone.unwrap_or_else(|| x(scale, report.end_us));
    if tail > until && one.closed_us.is_some() && one.renamed.is_some() {
        let _ = write!(out, "<path class=\"tail\" d=\"M{until:.1} {:.1}H{tail:.1}\"/>", top + 25.5);
    }
    if let Some(gone) = gone {
        let _ = write!(out, "<path class=\"gone\" d=\"M{:.1} {:.1}l5 5m0 -5l-5 5\"/>", gone - 2.5, top + 23.0);
    }
    let width = (until - from).max(1.0);
    let _ = write!(
        out,
        "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"17\"/>",
        top + 5.0
    );
    let reuse = one.reuses.map_or(String::new(), |(_, generation)| format!(" \u{21ba}{generation}"));
    let hurt = if one.hurt() { " \u{2717}" } else { "" };
    let label = format!("{}{reuse}{hurt}", one.file.inode);
    if width > 7.0 * label.chars().count() as f64 {
        let _ = write!(out, "<text class=\"inode\" x=\"{:.1}\" y=\"{:.1}\">{label}</text>", from + 4.0, top + 18.0);
    }
    out.push_str("</g>");
    out
}

/// What a bar says when it is pointed at, and what its row in the table is read as.
fn sentence(report: &Report, one: &Generation) -> String {
    use crate::text::units::{count, seconds};
    let lost = match one.lost {
        None => String::new(),
        Some(0) => ", all arrived".to_owned(),
        Some(lost) => format!(", {} LOST", count(lost)),
    };
    let reuse = one.reuses.map_or(String::new(), |(stream, generation)| {
        let whose = if stream == one.stream { String::new() } else { format!(" of {}", report.name(stream)) };
        format!(", the number of generation {generation}{whose} before")
    });
    let gone = one.unlinked_us.map_or(String::new(), |t_us| format!(", unlinked at {}", seconds(t_us as f64 / 1e6)));
    format!(
        "{} generation {}: inode {}{reuse}, born {}{gone}; {} records{lost}",
        report.name(one.stream),
        one.generation,
        one.file.inode,
        seconds(one.opened_us as f64 / 1e6),
        count(one.records())
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::examples::{failed, report, stall_story};

    #[test]
    fn every_generation_has_a_bar_with_its_number_and_what_became_of_it() {
        let drawn = draw(&report(failed(), stall_story()));
        assert_eq!(drawn.body.matches("<rect class=\"bar ").count(), 5);
        assert_eq!(drawn.body.matches("class=\"bar lost\"").count(), 1);
        assert!(
            drawn.body.contains("inode 132, the number of generation 1 before, born 3.50 s; 100 records, 100 LOST")
        );
        assert!(drawn.body.contains("132 \u{21ba}1 \u{2717}</text>"), "{}", drawn.body);
        assert_eq!((drawn.streams_left_out, drawn.generations_left_out), (0, 0));
    }

    #[test]
    fn what_is_not_drawn_is_counted_and_the_losses_are_drawn_first() {
        let mut report = report(failed(), stall_story());
        let hurt = report.generations.iter().find(|one| one.hurt()).unwrap().clone();
        let whole = report.generations[0].clone();
        report.generations = (0..50u16)
            .flat_map(|stream| vec![Generation { stream, ..whole.clone() }; 500])
            .chain([Generation { stream: 50, ..hurt }])
            .collect();
        let drawn = draw(&report);
        assert_eq!(drawn.streams_left_out, 51 - MOST_ROWS);
        assert_eq!(drawn.generations_left_out, 25_001 - MOST_IN_ALL);
        assert!(drawn.body.starts_with("<text class=\"label\"") && drawn.body.contains("bar lost"));
        assert!(drawn.body.len() < 1_500_000, "{}", drawn.body.len());
    }
}
