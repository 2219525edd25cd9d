//! The run as lines of text: live while it happens, and as a summary when it is judged.

#[cfg(test)]
pub(crate) mod examples;
pub mod feed;
pub mod live;
pub mod runs;
pub mod status;
pub mod summary;
pub mod table;
pub mod units;

/// How a text may look. The caller settles it from the terminal, its width, the locale and `NO_COLOR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Colours by escape sequences; nothing is said by colour alone.
    pub color: bool,
    /// Signs outside ASCII.
    pub unicode: bool,
    /// Columns.
    pub width: usize,
}

/// What a piece of text means; the colour follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Broken.
    Bad,
    /// To be looked at.
    Doubtful,
    /// Of less interest.
    Quiet,
    /// A headline.
    Strong,
}

impl Style {
    /// ASCII, no colours, 80 columns.
    pub const PLAIN: Self = Self { color: false, unicode: false, width: 80 };

    /// `text` in the colour of `tone`. Blue and orange of the Okabe-Ito palette, so that no red-green eye is needed.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "38;5;32",
            Tone::Bad => "1;38;5;166",
            Tone::Doubtful => "38;5;214",
            Tone::Quiet => "2",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// The sign of a kept promise.
    pub fn good(self) -> &'static str {
        if self.unicode { "✓" } else { "ok" }
    }

    /// The sign of a broken promise.
    pub fn bad(self) -> &'static str {
        if self.unicode { "✗" } else { "x" }
    }
}
