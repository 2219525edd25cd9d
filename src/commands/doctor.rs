//! `doctor`: what this machine can and cannot prove, with the remedy.

use std::path::Path;

use dashboards::{
    display::display,
    text::{
        Style, Tone,
        table::{visible, wrap},
    },
};
use scenarios::doctor::{Finding, State, examine};

use crate::{exit, print, screen};

pub(crate) fn perform(out: &Path, json: bool) -> anyhow::Result<u8> {
    let findings = examine(out, &search_path());
    if json {
        print::out(&format!("{}\n", serde_json::to_string(&findings)?));
    } else {
        print::out(&table(&findings, screen::style()));
    }
    let unfit = findings.iter().any(|finding| finding.state == State::Bad);
    Ok(if unfit { exit::UNKNOWN } else { exit::PASS })
}

#[expect(clippy::disallowed_methods, reason = "src/ is where the environment is read")]
fn search_path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

/// A line for each finding, its remedy beneath it; no line is wider than the terminal.
fn table(findings: &[Finding], style: Style) -> String {
    let names = findings.iter().map(|finding| finding.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for finding in findings {
        let (sign, tone) = match finding.state {
            State::Good => (style.good(), Tone::Good),
            State::Limited => ("--", Tone::Doubtful),
            State::Bad => (style.bad(), Tone::Bad),
        };
        let head = format!("{:<names$}  {sign:<2}  ", finding.name);
        let room = style.width.saturating_sub(visible(&head)).max(20);
        let remedy = finding.remedy.as_deref().map(|remedy| format!("→ {remedy}"));
        let remedy = remedy.map(|text| if style.unicode { text } else { text.replacen('→', "->", 1) });
        let said = wrap(&display(&finding.found), room).into_iter();
        let lines = said.chain(remedy.iter().flat_map(|text| wrap(&display(text), room)));
        for (at, line) in lines.enumerate() {
            let begin = if at == 0 { style.paint(tone, &head) } else { " ".repeat(visible(&head)) };
            out.push_str(format!("{begin}{line}").trim_end());
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_fits_its_terminal_and_shows_the_remedy() {
        let finding = |state, remedy: Option<&str>| Finding {
            name: "file system".into(),
            found: "tmpfs under results/runs\u{1b}[2J, which never hands an inode number out twice, whatever happens"
                .into(),
            state,
            remedy: remedy.map(str::to_owned),
        };
        let findings = [
            finding(State::Good, None),
            finding(State::Bad, Some("put --out on ext4 or xfs, where the worst bugs live")),
        ];
        for width in [40, 80, 120] {
            let text = table(&findings, Style { width, ..Style::PLAIN });
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}\n{text}");
            assert!(text.contains("-> put --out") && !text.contains('\u{1b}'), "{text}");
        }
    }
}
