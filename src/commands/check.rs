//! `check`: validate scenario files; and the one way a scenario error is shown.

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
            Ok(plan) => print::out(&format!("{file}: ok, {} streams at {} in all\n", plan.streams.len(), plan.rate())),
            Err(error) => {
                wrong += 1;
                print::error(&with_caret(error));
            }
        }
    }
    Ok(if wrong == 0 { exit::PASS } else { exit::MISUSE })
}

/// The error with the offending line and a caret under the offending part.
pub(crate) fn with_caret(error: SpecError) -> anyhow::Error {
    let SpecError::Wrong { ref source_text, ref span, ref message, .. } = error else { return error.into() };
    let label = LabeledSpan::new_with_span(Some(message.clone()), span.clone());
    let report =
        miette!(labels = vec![label], help = "`tailproof check --schema` prints what a scenario may say", "{error}")
            .with_source_code(NamedSource::new(&source_text.origin, source_text.text.clone()));
    anyhow::Error::msg(report)
}
