//! Every form of a gate as it is looked at, and what no form may let through.

use results::gate::{Decision, Metric};

use super::{
    examples::{compared, document, failed, hostile, passed, speed},
    *,
};
use crate::text::Style;

const WIDE: Style = Style { color: false, unicode: true, width: 140 };
const NARROW: Style = Style { color: false, unicode: false, width: 80 };

#[test]
fn a_pass_and_a_failure_on_a_wide_terminal() {
    insta::assert_snapshot!("wide", render(&document(vec![passed(), failed()]), WIDE));
}

#[test]
fn a_failure_at_eighty_columns_without_unicode() {
    let text = render(&document(vec![failed()]), NARROW);
    let table: Vec<&str> = text.lines().filter(|line| !line.starts_with("tailproof ")).collect();
    // A path is never broken, so that it can be copied.
    assert!(table.iter().all(|line| line.len() <= 80 || line.contains('/')), "{text}");
    insta::assert_snapshot!("narrow", text);
}

#[test]
fn a_comparison_hides_what_lies_within_the_noise() {
    let text = render(&document(vec![compared()]), WIDE);
    assert!(text.contains("no change beyond the noise: latency p99\n"), "{text}");
    insta::assert_snapshot!("compared", text);
}

#[test]
fn the_last_line_is_fixed() {
    assert_eq!(
        last_line(&document(vec![failed()])),
        "tailproof gate=FAIL exit=1 scenario=steady agent=builtin runs=10 pairs=0 broken=2 worse=1 undecided=1 needed=14"
    );
    assert!(last_line(&document(vec![])).starts_with("tailproof gate=UNKNOWN exit=3 "));
}

#[test]
fn the_pull_request_sees_the_news_first_and_the_rest_folded() {
    insta::assert_snapshot!("markdown", markdown(&document(vec![passed(), failed()])));
}

#[test]
fn a_hundred_failing_gates_still_fit_into_a_comment() {
    let text = markdown(&document(vec![hostile(); 300]));
    assert!(text.len() < 65_536, "{}", text.len());
    assert!(text.contains("more, see the log"), "{}", &text[text.len() - 100..]);
}

#[test]
fn the_test_report_calls_broken_a_failure_and_undecided_an_error() {
    let xml = junit(&document(vec![failed()]));
    assert!(xml.contains("failures=\"3\" errors=\"2\""), "{xml}");
    insta::assert_snapshot!("junit", xml);
}

#[test]
fn the_worst_annotations_come_first_and_the_rest_is_counted() {
    let mut report = failed();
    report.speed.insert(0, speed(Metric::LatencyP50Ms, Decision::Better, (10.0, 5.0), 1.0));
    let lines = github(&document(vec![report.clone()]));
    insta::assert_snapshot!("github", lines);
    let many = github(&document(vec![report; 7]));
    let many: Vec<&str> = many.lines().collect();
    assert_eq!(many.len(), 10);
    assert!(many.iter().all(|line| line.starts_with("::error ")), "{many:#?}");
    assert!(many[9].contains("26 more"), "{}", many[9]);
    assert_eq!(github(&document(vec![passed()])), "", "no news, no annotation");
}

#[test]
fn gitlab_folds_the_table_and_leaves_the_last_line_at_the_end() {
    let both = document(vec![passed()]);
    let text = gitlab_section(&both, &render(&both, WIDE), 1_763_700_000);
    assert!(
        text.starts_with("\u{1b}[0Ksection_start:1763700000:tailproof_gate[collapsed=true]\r\u{1b}[0K"),
        "{text:?}"
    );
    assert!(text.ends_with(&format!("\n{}\n", last_line(&both))));
    let both = document(vec![failed()]);
    assert!(gitlab_section(&both, &render(&both, WIDE), 1).contains("collapsed=false"));
}

#[test]
fn nothing_from_outside_is_obeyed_in_any_form() {
    let both = document(vec![hostile()]);
    let terminal = render(&both, NARROW);
    assert!(!terminal.contains(['\u{1b}', '\u{7}', '\u{202e}', '\r']), "{terminal:?}");
    assert_eq!(terminal.lines().last().unwrap().split(' ').count(), 11);

    let lines = github(&both);
    assert!(lines.lines().all(|line| line.starts_with("::error title=") || line.starts_with("::warning title=")));
    assert!(lines.lines().all(|line| line.matches("%0A").count() == 0), "{lines}");

    let mut told = hostile();
    told.notes = vec![format!("{} ::stop-commands::x ##[add-mask]y", "a".repeat(60))];
    let log = github_log(&render(&document(vec![told]), NARROW));
    assert!(log.contains("\n             \\::stop-commands::x #\\#[add-mask]y\n"), "{log}");
    assert!(log.lines().all(|line| !line.trim_start().starts_with("::")), "{log}");

    let comment = markdown(&both);
    let outside = comment.replace("<details><summary>", "").replace("</summary>", "").replace("</details>", "");
    // A forge looks for mentions and references in what is shown: neither an entity nor a backslash keeps them from it.
    let broken_up = outside.replace("@<!-- -->", "").replace("#<!-- -->", "").replace("### ", "");
    assert!(!broken_up.contains(['<', '@', '#', '\u{1b}']) && !outside.contains("&#64;"), "{comment}");
    let rows: Vec<&str> = comment.lines().filter(|line| line.starts_with('|')).collect();
    assert!(rows.iter().all(|row| row.replace("\\|", "").matches('|').count() == 7), "{rows:#?}");

    let xml = junit(&both);
    crate::markup::well_formed(&xml);
    assert!(!xml.contains("<script>") && !xml.contains('\u{ffff}'), "{xml}");
}

#[test]
fn colour_says_nothing_that_words_do_not() {
    let both = document(vec![failed()]);
    let plain = render(&both, WIDE);
    let mut coloured = render(&both, Style { color: true, ..WIDE });
    while let Some(at) = coloured.find('\u{1b}') {
        let end = at + coloured[at..].find('m').unwrap();
        coloured.replace_range(at..=end, "");
    }
    assert_eq!(coloured, plain);
}
