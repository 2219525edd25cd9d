//! What came, went and stayed since the run before.

use std::fmt::Write;

use results::gate::Seen;

use crate::{markup::text, report::Report, since};

/// Kinds of findings told.
const MOST: usize = 40;

pub(super) fn since(report: &Report) -> String {
    let Some(since) = &report.since else { return String::new() };
    let mut out = format!(
        "<h2 id=\"since\">Since the last run</h2>\n<p>{} against <code>{}</code>.</p>\n",
        since.counts(),
        text(&since.about())
    );
    if since.changes.is_empty() {
        return out;
    }
    out.push_str("<ul>\n");
    for change in since.changes.iter().take(MOST) {
        let class = match change.seen {
            Seen::New => "broken",
            Seen::Gone => "kept",
            Seen::Unchanged => "quiet",
        };
        let word = since::seen(change.seen);
        let _ = writeln!(
            out,
            "<li><span class=\"{class}\">{word}</span> <strong>{}</strong>: {}</li>",
            text(&change.kind),
            text(&change.example)
        );
    }
    out.push_str("</ul>\n");
    let more = since.changes.len().saturating_sub(MOST);
    if more > 0 {
        let _ = writeln!(out, "<p>And {more} more.</p>");
    }
    out
}
