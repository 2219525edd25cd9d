//! The only place that writes to the terminal's two streams.
//!
//! A reader that went away (`| head`) is no error of ours: what cannot be written is dropped.

use std::io::{self, Write};

use dashboards::display::display_whole;

/// Writes a text to standard output as it is.
pub(crate) fn out(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Writes a text to standard error as it is.
pub(crate) fn err(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Lines as they are, each without anything that a terminal would obey: errors quote what files and peers say.
pub(crate) fn plain(text: &str) -> String {
    text.lines().map(display_whole).collect::<Vec<_>>().join("\n")
}

/// Writes an error and its causes; a scenario error shows the line with a caret.
pub(crate) fn error(error: &anyhow::Error) {
    if let Some(report) = error.downcast_ref::<miette::Report>() {
        err(&format!("tailproof: {report:?}\n"));
        return;
    }
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        // Many errors tell their cause in their own sentence.
        if !text.contains(&cause) {
            text = if text.is_empty() { cause } else { format!("{text}: {cause}") };
        }
    }
    err(&format!("tailproof: {}\n", plain(&text)));
}
