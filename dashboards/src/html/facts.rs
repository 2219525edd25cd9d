//! What the run never reached, and everything needed to repeat and to doubt it: configuration, machine, versions, scenario.

use std::fmt::Write;

use serde_json::Value;

use super::answer::list;
use crate::{
    markup::{lines, text, whole},
    report::Report,
};

/// Longest configuration, log or autopsy that is shown, bytes.
const MOST_SHOWN: usize = 128 << 10;
/// Facts of the machine.
const MOST_FACTS: usize = 60;

pub(super) fn facts(report: &Report) -> String {
    let mut out = String::from("<h2 id=\"not-exercised\">Not exercised</h2>\n");
    out.push_str("<p>What this run says nothing about:</p>\n");
    out.push_str(&list(&report.not_exercised));
    if let Some(autopsy) = &report.beside.autopsy {
        let _ = writeln!(
            out,
            "<h2 id=\"autopsy\">Autopsy: what the agent held</h2>\n{}",
            shown(autopsy, "autopsy of the agent")
        );
    }
    out.push_str("<h2 id=\"agent\">The agent</h2>\n");
    match &report.beside.agent_conf {
        Some(conf) => {
            let _ =
                writeln!(out, "<p>The configuration it ran with:</p>\n{}", shown(conf, "configuration of the agent"));
        }
        None => out.push_str("<p class=\"quiet\">Its configuration was not kept in the run folder.</p>\n"),
    }
    if let Some(log) = report.beside.agent_log.as_ref().filter(|log| !log.trim().is_empty()) {
        let _ =
            writeln!(out, "<details><summary>The last it said</summary>\n{}</details>", shown(log, "log of the agent"));
    }
    out.push_str("<h2 id=\"machine\">Machine, versions, how to repeat</h2>\n");
    out.push_str(&machine(report));
    out.push_str("<h2 id=\"scenario\">The scenario as it was performed</h2>\n<p>Every default is filled in; <code>contract</code> is what the agent was held to.</p>\n");
    let settled = serde_json::to_string_pretty(&report.manifest.settled).expect("a document is a document");
    let _ =
        writeln!(out, "<details><summary>The whole of it</summary>\n{}</details>", shown(&settled, "settled scenario"));
    out
}

/// A text as it is, in a box that can be scrolled by keyboard.
fn shown(text: &str, label: &str) -> String {
    let (shown, cut) = lines(text, MOST_SHOWN);
    let cut = if cut { "<p class=\"quiet\">Cut here; the rest is in the run folder.</p>\n" } else { "" };
    format!("<pre tabindex=\"0\" role=\"region\" aria-label=\"{label}\">{shown}</pre>\n{cut}")
}

fn machine(report: &Report) -> String {
    let manifest = &report.manifest;
    let mut rows: Vec<(String, String)> = vec![
        ("command that repeats it".into(), format!("<code>{}</code>", whole(&report.outcome.repeat))),
        ("seed".into(), manifest.seed.to_string()),
        ("run folder".into(), format!("<code>{}</code>", whole(&report.outcome.run))),
        ("agent".into(), text(&manifest.agent)),
    ];
    if !manifest.started.is_empty() {
        rows.push(("began, UTC".into(), text(&manifest.started)));
    }
    flatten("", &manifest.environment, &mut rows);
    if let Some(line) = report.torn_line {
        rows.push(("timeline".into(), format!("line {line} is torn: the bench was killed while writing it")));
    }
    let row = |(name, value): &(String, String)| format!("<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>");
    format!("<div class=\"scroll\"><table><tbody>{}</tbody></table></div>\n", rows.iter().map(row).collect::<String>())
}

/// A document as rows of dotted names, already escaped.
fn flatten(name: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    if rows.len() >= MOST_FACTS {
        return;
    }
    match value {
        Value::Object(fields) if name.matches('.').count() < 4 => {
            for (key, value) in fields {
                let key = text(key).replace('_', " ");
                flatten(&if name.is_empty() { key } else { format!("{name}.{key}") }, value, rows);
            }
        }
        Value::Null => {}
        Value::String(said) => rows.push((name.to_owned(), text(said))),
        other => rows.push((name.to_owned(), text(&other.to_string()))),
    }
}
