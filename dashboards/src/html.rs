//! The page that convinces somebody who distrusts it: one file, no network, whole without scripts.
//!
//! ```text
//!  answer    the question, the verdict, what it rests on, how to repeat it
//!  books     every promise with its limit
//!  why       causes in a line each, leading to
//!  since     what is new, gone, unchanged against the run before
//!  lanes     the charts on one time axis, faults shaded
//!  files     every rotation with its inode numbers
//!  findings  evidence, and a healthy neighbour beside it
//!  facts     what was not exercised, configuration, machine, scenario
//!  data      all of it as one document
//! ```
//! Everything from outside goes through [`crate::markup`]; the page's own parts are written here and nowhere else.

mod answer;
mod compare;
mod data;
mod facts;
mod files;
mod findings;
mod frame;
mod lanes;
mod since;
mod trends;

pub use compare::comparison;
pub use trends::trends;

use crate::{markup, report::Report};

/// The page of a run.
pub fn page(report: &Report) -> String {
    let parts = [
        answer::answer(report),
        answer::books(report),
        answer::why(report),
        since::since(report),
        lanes::lanes(report),
        files::files(report),
        findings::findings(report),
        facts::facts(report),
        footer(report),
    ];
    frame::page(&report.title(), &parts.concat(), Some(&data::document(report)))
}

fn footer(report: &Report) -> String {
    let left_out =
        report.left_out().map_or(String::new(), |what| format!("<p>Left out of this page on request: {what}.</p>"));
    format!(
        "<footer>{left_out}<p>Everything shown here is in this page as one document (<code>#data</code>), and whole in the run folder \
         <code>{}</code>: <code>run.json</code>, <code>events.jsonl</code>, <code>books.bin</code>. This page asks nobody \
         for anything.</p></footer>\n",
        markup::whole(&report.outcome.run)
    )
}

/// A table cell with a number.
fn number(text: &str) -> String {
    format!("<td class=\"n\">{text}</td>")
}

/// A link to a moment of the run.
fn moment(t_us: u64) -> String {
    let s = t_us as f64 / 1e6;
    format!("<a href=\"#t={s:.3}\">{s:.3} s</a>")
}

#[cfg(test)]
mod tests;
