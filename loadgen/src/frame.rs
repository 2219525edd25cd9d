//! How a text lies in a file: bare, as CRI runtimes write it, or as Docker's json-file driver does.
//!
//! ```text
//! plain   text LF
//! cri     2026-11-21T05:48:09.123456781Z stdout P first 16 KiB LF … 2026-…Z stdout F rest LF
//! docker  {"log":"first 16 KiB","stream":"stdout","time":"2026-…Z"} LF … {"log":"rest\n","stream":"stdout","time":"2026-…Z"} LF
//! ```
//! Times and output labels have a fixed width, so that a writer can patch them in place; [`Framed`] tells where.

pub mod cri;
pub mod docker;
pub mod plain;

use serde::{Deserialize, Serialize};

use crate::clock::WALL_LEN;

/// Container runtimes split lines at this many bytes.
pub const SPLIT: usize = 16_384;
/// Length of `stdout` and `stderr`.
pub const OUTPUT_LEN: usize = 6;

/// How texts are framed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// The text and a line feed.
    #[default]
    Plain,
    /// containerd and CRI-O.
    Cri,
    /// Docker's json-file.
    Docker,
}

/// A framed text, and where its time and output label stand (once for each part of a long line).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Framed {
    /// Whole lines.
    pub bytes: Vec<u8>,
    /// Offsets of the 30 bytes of each time.
    pub times: Vec<u32>,
    /// Offsets of the six bytes of each output label.
    pub outputs: Vec<u32>,
}

impl Framing {
    /// Frames one text.
    pub fn frame(self, text: &[u8], time: &[u8; WALL_LEN], output: [u8; OUTPUT_LEN]) -> Framed {
        let mut framed = Framed::default();
        match self {
            Self::Plain => plain::encode(text, &mut framed),
            Self::Cri => cri::encode(text, time, output, &mut framed),
            Self::Docker => docker::encode(text, time, output, &mut framed),
        }
        framed
    }

    /// Where byte `at` of a text stands in its framed form; for bytes of the first part only.
    pub(crate) fn offset(self, text: &[u8], at: usize) -> usize {
        match self {
            Self::Plain => at,
            Self::Cri => cri::HEAD_LEN + at,
            Self::Docker => docker::offset(&text[..at]),
        }
    }
}

/// The label as it stands in files.
pub fn output_label(is_stderr: bool) -> [u8; OUTPUT_LEN] {
    if is_stderr { *b"stderr" } else { *b"stdout" }
}

/// What the tests read back: texts with their output labels, and per output what has no end yet.
#[cfg(test)]
pub(crate) type Decoded = (Vec<(Vec<u8>, Vec<u8>)>, [Vec<u8>; 2]);
