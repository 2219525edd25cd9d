//! Each finding with what proves it, and beside it what went well in the same run.

use std::fmt::Write;

use super::moment;
use crate::{
    markup::text,
    report::{Report, evidence::Finding},
};

pub(super) fn findings(report: &Report) -> String {
    if report.findings.is_empty() {
        return String::new();
    }
    let mut out = String::from("<h2 id=\"findings\">Findings, with a healthy neighbour</h2>\n");
    for (nth, finding) in report.findings.iter().enumerate() {
        out.push_str(&card(finding, nth + 1));
    }
    let more = report.findings_in_all - report.findings.len();
    if more > 0 {
        let _ = writeln!(out, "<p>{more} more findings are in the data and in <code>run.json</code>.</p>");
    }
    out
}

fn card(finding: &Finding, nth: usize) -> String {
    let mut out = format!("<article class=\"finding\" id=\"f{nth}\"><h3>{nth}. {}</h3>\n", text(&finding.headline));
    if !finding.evidence.is_empty() {
        // Evidence is the longest sentence of a run, and is never cut.
        let _ = writeln!(out, "<p>{}</p>", crate::markup::whole(&finding.evidence));
    }
    if let Some(from_s) = finding.from_s {
        let _ = writeln!(out, "<p class=\"quiet\">In the charts: {}</p>", moment((from_s.max(0.0) * 1e6) as u64));
    }
    let side = |name: &str, class: &str, lines: &[String]| {
        if lines.is_empty() {
            return String::new();
        }
        let lines: String = lines.iter().map(|line| format!("<li>{}</li>", text(line))).collect();
        format!("<div><h4 class=\"{class}\">{name}</h4><ul>{lines}</ul></div>")
    };
    let sides =
        side("✗ failing", "broken", &finding.failing) + &side("✓ healthy, in the same run", "kept", &finding.healthy);
    if !sides.is_empty() {
        let _ = writeln!(out, "<div class=\"sides\">{sides}</div>");
    }
    out.push_str("</article>\n");
    out
}
