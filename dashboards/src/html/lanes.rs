//! The stack of charts. Static pictures that say in words what they show; the page's script puts live ones in their place.

use std::fmt::Write;

use crate::{
    markup::text,
    report::{
        Report,
        lanes::Lane,
        spans::{Kind, Span},
    },
    svg::plot::{self, Scale},
    text::units,
};

/// Height of a plot's box.
const HEIGHT: f64 = 100.0;
/// Stretches told in words.
const MOST_SPANS: usize = 200;

pub(super) fn lanes(report: &Report) -> String {
    let mut out = String::from("<h2 id=\"lanes\">What happened, on one time axis</h2>\n");
    out.push_str(&legend(report));
    out.push_str(
        "<div class=\"toolbar\" id=\"zoom\" role=\"group\" aria-label=\"part of the run that all charts show\" hidden>\
         <button type=\"button\" data-act=\"in\">zoom in</button><button type=\"button\" data-act=\"out\">zoom out</button>\
         <button type=\"button\" data-act=\"earlier\">earlier</button><button type=\"button\" data-act=\"later\">later</button>\
         <button type=\"button\" data-act=\"whole\">whole run</button><p id=\"range\" role=\"status\"></p></div>\n",
    );
    for (nth, lane) in report.lanes.iter().enumerate() {
        out.push_str(&figure(report, lane, nth));
    }
    out.push_str(&told(report));
    out
}

/// What the shades and dashes mean, with what was there.
fn legend(report: &Report) -> String {
    let kinds = [
        (Kind::Fault, "a fault was in force"),
        (Kind::Down, "the agent was down"),
        (Kind::Stall, "a stream stood still"),
    ];
    let mut items = String::new();
    for (kind, says) in kinds {
        let n = report.spans.0.iter().filter(|span| span.kind == kind).count();
        if n > 0 {
            let _ = write!(items, "<span><span class=\"key {}\"></span>{says} ({n})</span>", kind.word());
        }
    }
    if !report.rotations.is_empty() {
        let many = if report.rotations.len() > 120 { "; drawn once zoomed in" } else { "" };
        let _ =
            write!(items, "<span>dashed: a writer was brought to a new file ({}{many})</span>", report.rotations.len());
    }
    if items.is_empty() {
        items.push_str("<span>no rotation, no fault, no stall</span>");
    }
    format!("<p class=\"legend\">{items}</p>\n")
}

fn figure(report: &Report, lane: &Lane, nth: usize) -> String {
    let points = lane.points();
    let title = lane.title;
    if points < 2 {
        let said: Vec<String> = lane
            .series
            .iter()
            .filter_map(|series| Some(format!("{} {}", series.name, lane.unit.say(series.cells.first()?.mean))))
            .collect();
        let said = if said.is_empty() {
            "nothing was measured".to_owned()
        } else {
            format!("one point only: {}", said.join(", "))
        };
        return format!(
            "<div class=\"lane\"><h3>{title}</h3><p class=\"quiet\">Too little for a chart: {said}.</p></div>\n"
        );
    }
    let scale = Scale::of(lane, report.end_us, HEIGHT);
    let key = |series: &crate::report::sampling::Series| {
        let last = series.cells.last().map_or("-".to_owned(), |cell| lane.unit.say(cell.mean));
        let (name, nth, most) = (series.name, series.nth, lane.unit.say(series.max()));
        format!("<span><span class=\"key s{nth}\"></span>{name} last <b>{last}</b> most <b>{most}</b></span>")
    };
    let keys: String = lane.series.iter().map(key).collect();
    let bottom = if lane.log { lane.unit.say(scale.low) } else { "0".to_owned() };
    format!(
        "<figure class=\"lane\" id=\"lane-{}\" data-lane=\"{nth}\"><figcaption><h3>{title}</h3><p class=\"legend\">{keys}</p></figcaption>\
         <div class=\"live\" role=\"img\" aria-label=\"{alt}\"></div><div class=\"static\"><span class=\"top\">{}</span><span class=\"bottom\">{bottom}</span>\
         <svg viewBox=\"0 0 1000 {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{alt}\">{}</svg></div></figure>\n\
         <p class=\"times\" aria-hidden=\"true\">{}</p>\n",
        lane.id,
        lane.unit.say(scale.high),
        plot::lane(lane, &report.spans.0, &report.rotations, &scale),
        times(report.end_us),
        alt = alt(lane),
    )
}

/// The chart in words.
fn alt(lane: &Lane) -> String {
    let say = |series: &crate::report::sampling::Series| {
        let last = series.cells.last().map_or(0.0, |cell| cell.mean);
        format!(
            "{}: least {}, most {}, at the end {}",
            series.name,
            lane.unit.say(series.min()),
            lane.unit.say(series.max()),
            lane.unit.say(last)
        )
    };
    let series: Vec<String> = lane.series.iter().map(say).collect();
    format!("Chart over the time of the run. {}. {}", lane.title, series.join("; "))
}

fn times(end_us: u64) -> String {
    let at = |quarter: u64| {
        let s = end_us as f64 / 1e6 * quarter as f64 / 4.0;
        format!("<span>{}</span>", if quarter == 0 { "0 s".to_owned() } else { units::seconds(s) })
    };
    (0..=4).map(at).collect()
}

/// Stretches and happenings in words, for those who see no charts.
fn told(report: &Report) -> String {
    let (spans, more) = &report.spans;
    let span = |span: &Span| {
        let end = if span.ended { super::moment(span.until_us) } else { "not over at the end".to_owned() };
        format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{end}</td><td>{}</td></tr>",
            span.kind.word(),
            text(&span.name),
            super::moment(span.from_us),
            text(&span.detail)
        )
    };
    let rows: String = spans.iter().take(MOST_SPANS).map(span).collect();
    let more = more + spans.len().saturating_sub(MOST_SPANS);
    let mut out = format!(
        "<details><summary>The same in words: stretches, faults, stalls</summary><div class=\"scroll\"><table><caption>{}</caption>\
         <thead><tr><th scope=\"col\">kind</th><th scope=\"col\">name</th><th scope=\"col\">from</th><th scope=\"col\">until</th>\
         <th scope=\"col\">evidence</th></tr></thead><tbody>{rows}</tbody></table></div></details>\n",
        if more > 0 {
            format!("{more} more are not listed; see <code>events.jsonl</code>")
        } else {
            "all of them".to_owned()
        }
    );
    let (news, more) = &report.news;
    let mut named = std::collections::BTreeSet::new();
    let mut rows = String::new();
    for (t_us, words) in news {
        // The anchor of a moment for readers without scripts: once each, as it is written.
        let moment = format!("t={:.3}", *t_us as f64 / 1e6);
        let id = if named.insert(moment.clone()) { format!(" id=\"{moment}\"") } else { String::new() };
        let _ = writeln!(rows, "<tr{id}><td class=\"n\">{:.3} s</td><td>{}</td></tr>", *t_us as f64 / 1e6, text(words));
    }
    let more = if *more > 0 {
        format!("{more} more are not listed; see <code>events.jsonl</code>")
    } else {
        "all of them".to_owned()
    };
    let _ = writeln!(
        out,
        "<details><summary>What happened, line by line</summary><div class=\"scroll\"><table><caption>{more}</caption><thead><tr>\
         <th scope=\"col\" class=\"n\">time</th><th scope=\"col\">what</th></tr></thead><tbody>{rows}</tbody></table></div></details>"
    );
    out
}
