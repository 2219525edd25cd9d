//! Trends over stored runs as a page: a row per question and agent, a small line per figure.

use std::fmt::Write;

use results::outcome::Verdict;

use super::{answer, frame};
use crate::{
    history::{Figure, Trend},
    markup::{text, whole},
    svg::trend,
    text::{summary::word, units},
};

/// The page of the trends; `folder` is where the runs lie, `unread` how many of its entries could not be read.
pub fn trends(trends: &[Trend], folder: &str, unread: usize) -> String {
    let runs: usize = trends.iter().map(|one| one.runs.len() + one.left_out).sum();
    let mut body = format!(
        "<p class=\"kicker\">tailproof · history</p>\n<h1>How {} went, in the order they were made</h1>\n<p>From <code>{}</code>{}. A hollow dot is \
         a run that did not pass; every chart begins at zero.</p>\n",
        units::counted(runs as u64, "run"),
        whole(folder),
        if unread > 0 {
            format!("; {} could not be read and are left out", units::counted(unread as u64, "folder"))
        } else {
            String::new()
        }
    );
    let head: String = Figure::ALL
        .iter()
        .map(|figure| {
            format!("<th scope=\"col\">{}</th><th scope=\"col\" class=\"n\">median, last</th>", figure.title())
        })
        .collect();
    let _ = write!(
        body,
        "<h2>Trends</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"trends, can be scrolled\"><table><thead><tr><th scope=\"col\">scenario / agent</th>\
         <th scope=\"col\" class=\"n\">runs</th><th scope=\"col\">last</th><th scope=\"col\">verdicts, newest right</th>{head}</tr></thead><tbody>\n"
    );
    for one in trends {
        body.push_str(&row(one));
    }
    body.push_str("</tbody></table></div>\n<p class=\"quiet\">✓ pass, ✗ fail, ? unknown.</p>\n");
    frame::page("tailproof: history", &body, None)
}

fn row(one: &Trend) -> String {
    let passed: Vec<bool> = one.runs.iter().map(|run| run.verdict == Verdict::Pass).collect();
    let last = one.runs.last().map_or(String::new(), |run| {
        let class = match answer::class(run.verdict) {
            "pass" => "kept",
            "fail" => "broken",
            _ => "doubt",
        };
        format!("<span class=\"{class}\">{}</span>", word(run.verdict))
    });
    let marks = one.marks(30).replace('.', "✓").replace('x', "✗");
    let mut out = format!(
        "<tr><th scope=\"row\">{}</th>{}<td>{last}</td><td class=\"marks\">{marks}</td>",
        text(&one.name()),
        super::number(&units::count(one.runs.len() as u64))
    );
    for figure in Figure::ALL {
        let (median, last) = one.spread(figure);
        let (median, last) = (figure.say(median), figure.say(last));
        let says = format!("{} of {}: median {median}, last {last}", figure.title(), one.name());
        let _ = write!(
            out,
            "<td>{}</td><td class=\"n\">{median}<br>{last}</td>",
            trend::trend(&one.values(figure), &passed, &says)
        );
    }
    out + "</tr>\n"
}
