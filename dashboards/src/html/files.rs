//! Every file that was written to, as a timeline and as a table: where it lay, its inode number, what became of it.

use std::fmt::Write;

use super::{moment, number};
use crate::{
    markup::{text, whole},
    report::{Report, timeline::Generation},
    svg::timeline,
    text::units::{count, counted},
};

/// Rows of the table.
const MOST_ROWS: usize = 300;

pub(super) fn files(report: &Report) -> String {
    let mut out = String::from("<h2 id=\"files\">Every file and its inode number</h2>\n");
    if report.generations.is_empty() {
        out.push_str("<p class=\"quiet\">No writer opened a file.</p>\n");
        return out;
    }
    let drawn = timeline::draw(report);
    let hurt = report.generations.iter().filter(|one| one.hurt()).count() as u64;
    let reused = report.generations.iter().filter(|one| one.reuses.is_some()).count() as u64;
    let whole = if report.has_books { format!(", {} lost records", counted(hurt, "file")) } else { String::new() };
    let _ = writeln!(
        out,
        "<p>{} of {}; {} an inode number that an earlier file of the run had{whole}. A bar is a file while it was written to, with its \
         inode number; ↺ names the generation that had the number before, ✗ a file of which records were lost; the thin line \
         is the renamed file until it was unlinked (×).</p>",
        counted(report.generations.len() as u64, "file"),
        counted(report.names.len() as u64, "stream"),
        if reused == 1 { "1 got".to_owned() } else { format!("{} got", count(reused)) }
    );
    if drawn.streams_left_out > 0 || drawn.generations_left_out > 0 {
        let _ = writeln!(
            out,
            "<p class=\"doubt\">Not drawn: {} and {}, so that the page opens; streams and files with losses are drawn first. All \
             are in <code>events.jsonl</code>.</p>",
            counted(drawn.streams_left_out as u64, "stream"),
            counted(drawn.generations_left_out as u64, "file")
        );
    }
    let _ = writeln!(
        out,
        "<div class=\"timeline\" tabindex=\"0\" role=\"region\" aria-label=\"timeline of files, can be scrolled\"><svg viewBox=\"0 0 1000 {h:.0}\" \
         role=\"img\" aria-label=\"Timeline: {} and {}; the table below says the same\">{}</svg></div>",
        counted(report.names.len() as u64, "stream"),
        counted(report.generations.len() as u64, "file"),
        drawn.body,
        h = drawn.height
    );
    out.push_str(&table(report));
    out
}

fn table(report: &Report) -> String {
    let rows = chosen(&report.generations);
    let more = report.generations.len() - rows.len();
    let caption = if more > 0 {
        format!(
            "{} are not listed; those with losses and their neighbours come first",
            counted(more as u64, "more file")
        )
    } else {
        "all of them".to_owned()
    };
    let mut out = format!(
        "<details><summary>The same as a table</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"table of files, can be scrolled\">\
         <table class=\"files\"><caption>{caption}</caption><thead><tr><th scope=\"col\">stream</th><th scope=\"col\" class=\"n\">file</th>\
         <th scope=\"col\" class=\"n\">inode</th><th scope=\"col\">number before</th><th scope=\"col\">born</th><th scope=\"col\">left</th>\
         <th scope=\"col\">unlinked</th><th scope=\"col\">agent had it open</th><th scope=\"col\" class=\"n\">records</th>\
         <th scope=\"col\" class=\"n\">lost</th><th scope=\"col\">path</th></tr></thead><tbody>\n"
    );
    for one in rows {
        out.push_str(&row(report, one));
    }
    out.push_str("</tbody></table></div></details>\n");
    out
}

fn row(report: &Report, one: &Generation) -> String {
    let reuse = one.reuses.map_or("new".to_owned(), |(stream, generation)| {
        let whose = if stream == one.stream { String::new() } else { format!(" of {}", text(&report.name(stream))) };
        let steered = if one.steered { ", steered by the bench" } else { "" };
        format!("generation {generation}{whose}{steered}")
    });
    let held = match one.held {
        Some(true) => "yes",
        Some(false) => "no",
        None => "–",
    };
    let lost = match one.lost {
        None => "?".to_owned(),
        Some(0) => "0".to_owned(),
        Some(lost) => format!("<span class=\"broken\">✗ {}</span>", count(lost)),
    };
    let at = |t_us: Option<u64>| t_us.map_or("–".to_owned(), moment);
    format!(
        "<tr><th scope=\"row\">{}</th>{}{}<td>{reuse}</td><td>{}</td><td>{}</td><td>{}</td><td>{held}</td>{}{}<td><code>{}</code></td></tr>\n",
        text(&report.name(one.stream)),
        number(&one.generation.to_string()),
        number(&one.file.inode.to_string()),
        moment(one.opened_us),
        at(one.closed_us),
        at(one.unlinked_us),
        number(&count(one.records())),
        number(&lost),
        whole(&one.path)
    )
}

/// All, or those that lost records with their neighbours, and then from the beginning.
fn chosen(all: &[Generation]) -> Vec<&Generation> {
    if all.len() <= MOST_ROWS {
        return all.iter().collect();
    }
    let near = |at: usize| all[at.saturating_sub(1)..(at + 2).min(all.len())].iter().any(Generation::hurt);
    let mut places: Vec<usize> = (0..all.len()).collect();
    places.sort_by_key(|&at| (!near(at), at));
    places.truncate(MOST_ROWS);
    places.sort_unstable();
    places.into_iter().map(|at| &all[at]).collect()
}
