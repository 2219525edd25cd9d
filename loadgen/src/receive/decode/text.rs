//! The text of a record within an object: proven by comparison where its form is known, unescaped where it is not.

use results::identity::Stamp;

use super::{
    proven::Prover,
    unescape::{Scratch, unescape},
};

/// How a text was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// It lies in the scratch space.
    Unescaped,
    /// It is, byte for byte, the one that belongs to this stamp.
    Proven(Stamp),
}

/// Reads texts; holds the space for one.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    scratch: Scratch,
    prover: Option<Prover>,
}

impl Texts {
    pub(super) fn new(prover: Option<Prover>) -> Self {
        Self { scratch: Scratch::default(), prover }
    }

    /// Reads the string whose first byte is at `at`; returns where it ends, behind the quote.
    #[inline]
    pub(super) fn read(&mut self, input: &[u8], at: usize) -> Option<(Text, usize)> {
        let Some(prover) = &mut self.prover else {
            return Some((Text::Unescaped, unescape(input, at, &mut self.scratch)?));
        };
        if let Some((stamp, len)) = prover.prove(&input[at..]) {
            return Some((Text::Proven(stamp), at + len));
        }
        let end = unescape(input, at, &mut self.scratch)?;
        prover.learn(&input[at..end], without_line_feed(self.scratch.bytes()));
        Some((Text::Unescaped, end))
    }

    /// The text last unescaped.
    pub(super) fn unescaped(&self) -> &[u8] {
        self.scratch.bytes()
    }
}

/// Docker's line feed is no part of the text.
pub(super) fn without_line_feed(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"\n").unwrap_or(text)
}
