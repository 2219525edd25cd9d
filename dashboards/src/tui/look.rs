//! How the screen may look: colours, signs, frames a second; and what colours mean.
//!
//! The background and the usual text are the terminal's own, so light and dark terminals are both served; what is coloured takes
//! the Okabe-Ito palette. Nothing is said by colour alone: without it, every sign and word is still there.

use ratatui::style::{Color, Modifier, Style};

/// What the terminal can show. The caller settles it from the locale, `NO_COLOR` and the way the terminal is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Colours; nothing is said by colour alone.
    pub color: bool,
    /// Signs outside ASCII.
    pub unicode: bool,
    /// Frames a second at most.
    pub frames_per_s: u8,
}

/// What a piece of the screen means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Usual text.
    Plain,
    /// A headline.
    Strong,
    /// Of less interest.
    Quiet,
    /// As it should be.
    Good,
    /// Broken.
    Bad,
    /// To be looked at.
    Doubtful,
    /// Bars of what is delivered.
    Flow,
    /// Bars of what waits.
    Wait,
    /// Bars of delays.
    Delay,
    /// Bars of what the agent uses.
    Use,
    /// What was done to files and processes.
    Deed,
    /// The row that is chosen.
    Chosen,
}

impl Look {
    /// The style of an ink.
    pub fn style(self, ink: Ink) -> Style {
        let plain = Style::default();
        let style = match ink {
            Ink::Plain => plain,
            Ink::Strong => plain.add_modifier(Modifier::BOLD),
            Ink::Quiet => plain.add_modifier(Modifier::DIM),
            Ink::Chosen => plain.add_modifier(Modifier::REVERSED),
            Ink::Bad => plain.fg(Color::Indexed(166)).add_modifier(Modifier::BOLD),
            Ink::Good | Ink::Flow => plain.fg(Color::Indexed(32)),
            Ink::Doubtful | Ink::Wait => plain.fg(Color::Indexed(172)),
            Ink::Delay => plain.fg(Color::Indexed(169)),
            Ink::Use => plain.fg(Color::Indexed(36)),
            Ink::Deed => plain.fg(Color::Indexed(67)),
        };
        if self.color { style } else { Style { fg: None, ..style } }
    }

    /// The sign of a kept promise.
    pub fn good(self) -> &'static str {
        if self.unicode { "✓" } else { "ok" }
    }

    /// The sign of a broken promise.
    pub fn bad(self) -> &'static str {
        if self.unicode { "✗" } else { "x" }
    }

    /// The bars from nothing to full, in eighths where there are such signs.
    pub(super) fn bars(self) -> &'static [char] {
        if self.unicode {
            &[' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
        } else {
            &[' ', '.', ':', '=', '#']
        }
    }

    /// Where nothing happened; where something is in force; the end of what does not fit; a line across.
    pub(super) fn signs(self) -> Signs {
        if self.unicode {
            Signs { nothing: '·', in_force: '━', more: '…', line: '─', level: '╌', full: '█', rest: '░' }
        } else {
            Signs { nothing: '.', in_force: '=', more: '~', line: '-', level: '-', full: '#', rest: '.' }
        }
    }
}

/// Single signs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signs {
    pub(super) nothing: char,
    pub(super) in_force: char,
    pub(super) more: char,
    pub(super) line: char,
    pub(super) level: char,
    pub(super) full: char,
    pub(super) rest: char,
}
