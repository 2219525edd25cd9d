//! `check`: validate scenario files; and the one way a scenario error is shown.

use dashboards::display::{display, display_whole};
use miette::{LabeledSpan, NamedSource, miette};
use scenarios::{
    library,
    plan::{Overrides, Plan},
    spec::file::SpecError,
};

use crate::{exit, print};

pub(crate) fn perform(files: &[String], schema: bool) -> anyhow::Result<u8> {
    if schema {
        print::out(&format!("{}\n", scenarios::spec::schema()));
        return Ok(exit::PASS);
    }
    let mut wrong = 0;
    for file in files {
        match library::find(file).and_then(|source| Plan::settle(&source, &Overrides::default())) {
            Ok(plan) => {
                let file = display_whole(file);
                print::out(&format!("{file}: ok, {} streams at {} in all\n", plan.streams.len(), plan.rate()));
            }
            Err(error) => {
                wrong += 1;
                print::error(&with_caret(error));
            }
        }
    }
    Ok(if wrong == 0 { exit::PASS } else { exit::MISUSE })
}

/// What stands at the caret, where the whole sentence stands above already: the word that was meant, if one is near.
fn at_the_caret(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    let written = words.next().unwrap_or_default();
    let allowed = message.contains("expected one of").then_some(words).into_iter().flatten();
    library::nearest(written, allowed, 3).map_or_else(|| "here".to_owned(), |word| format!("did you mean `{word}`?"))
}

/// The error with the offending line and a caret under the offending part.
pub(crate) fn with_caret(error: SpecError) -> anyhow::Error {
    let SpecError::Wrong { ref source_text, ref span, ref message, .. } = error else { return error.into() };
    let label = LabeledSpan::new_with_span(Some(print::plain(&at_the_caret(message))), span.clone());
    let help = "`tailproof check --schema` prints what a scenario may say";
    let report = miette!(labels = vec![label], help = help, "{}", print::plain(&error.to_string()))
        .with_source_code(NamedSource::new(display_whole(&source_text.origin), in_place(&source_text.text)));
    anyhow::Error::msg(report)
}

/// The text of a file with `?` for each byte of what a terminal would obey: carets still point at the same bytes.
fn in_place(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => out.push(' '),
            c if display(c.encode_utf8(&mut [0; 4])).starts_with(c) => out.push(c),
            c => out.extend(std::iter::repeat_n('?', c.len_utf8())),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use scenarios::spec::file::Source;

    use super::{at_the_caret, in_place, with_caret};

    #[test]
    fn what_is_hidden_in_a_file_is_seen_and_moves_no_caret() {
        let file = "name = \"\u{1b}]0;x\u{7}\"\r\n\ta\u{9b}b\u{202e}ä\\";
        let shown = in_place(file);
        assert_eq!(shown, "name = \"?]0;x?\" \n\ta??b???ä\\");
        assert_eq!(shown.len(), file.len());
    }

    #[test]
    fn the_caret_stands_under_what_is_wrong() {
        let text = "[time]\nwarm_up = \"1s\"\nmeasure = \"0s\"\n";
        let source = Source { origin: "x.toml".to_owned(), text: text.to_owned(), folder: None };
        let error = with_caret(source.wrong("time.measure", "a run of no length proves nothing"));
        let report = error.downcast_ref::<miette::Report>().expect("it shows the line");
        let marked: Vec<&str> =
            report.labels().expect("a caret").map(|label| &text[label.offset()..][..label.len()]).collect();
        assert_eq!(marked, ["\"0s\""]);
    }

    #[test]
    fn the_caret_names_the_word_that_was_meant_and_no_far_one() {
        let told = "unknown field `stal`, expected one of `delivery`, `ordered`, `stall`";
        assert_eq!(at_the_caret(told), "did you mean `stall`?");
        assert_eq!(at_the_caret("unknown field `foo`, expected one of `delivery`, `ordered`"), "here");
        assert_eq!(at_the_caret("missing field `warm_up`"), "here");
        assert_eq!(at_the_caret("the kubelet keeps at least 2: the live file and one rotated"), "here");
    }
}
