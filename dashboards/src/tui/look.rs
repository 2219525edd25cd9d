//! How the screen may look: colours, signs, frames a second; and what colours mean.
//!
//! The background and the usual text are the terminal's own, so light and dark terminals are both served; what is coloured takes
//! the Okabe-Ito palette, in middle tones that both kinds bear, or in tones for the kind that the person names: what a terminal's
//! background is cannot be found out reliably through tmux and ssh. Nothing is said by colour alone: without it, every sign and
//! word is still there.

use ratatui::style::{Color, Modifier, Style};

/// Which tones colours have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    /// Middle ones, for a background that is not known.
    #[default]
    Auto,
    /// Bright ones, for a dark background.
    Dark,
    /// Deep ones, for a light background.
    Light,
}

/// What the terminal can show. The caller settles it from the locale, `NO_COLOR` and the way the terminal is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Colours; nothing is said by colour alone.
    pub color: bool,
    /// Their tones.
    pub theme: Theme,
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
            Ink::Bad => plain.fg(self.tone(166, 209, 124)).add_modifier(Modifier::BOLD),
            Ink::Good | Ink::Flow => plain.fg(self.tone(32, 75, 25)),
            Ink::Doubtful | Ink::Wait => plain.fg(self.tone(172, 214, 94)),
            Ink::Delay => plain.fg(self.tone(169, 176, 90)),
            Ink::Use => plain.fg(self.tone(36, 79, 23)),
            Ink::Deed => plain.fg(self.tone(67, 110, 60)),
        };
        if self.color { style } else { Style { fg: None, ..style } }
    }

    /// One of 256 colours: for any background, a dark one, a light one.
    fn tone(self, any: u8, dark: u8, light: u8) -> Color {
        Color::Indexed(match self.theme {
            Theme::Auto => any,
            Theme::Dark => dark,
            Theme::Light => light,
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    const COLOURED: [Ink; 6] = [Ink::Bad, Ink::Good, Ink::Doubtful, Ink::Delay, Ink::Use, Ink::Deed];

    /// Relative luminance of one of the 216 colours of the cube.
    fn luminance(index: u8) -> f64 {
        let channel = |nth: u8| {
            let step = (index - 16) / [36, 6, 1][usize::from(nth)] % 6;
            let share = f64::from(if step == 0 { 0 } else { 55 + 40 * u16::from(step) }) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(1) + 0.0722 * channel(2)
    }

    fn contrast(left: f64, right: f64) -> f64 {
        (left.max(right) + 0.05) / (left.min(right) + 0.05)
    }

    #[test]
    fn every_colour_can_be_read_on_the_background_it_is_for() {
        for (theme, backgrounds, least) in
            [(Theme::Dark, &[0.0, 0.02][..], 4.5), (Theme::Light, &[1.0, 0.9], 4.5), (Theme::Auto, &[0.0, 1.0], 2.5)]
        {
            let look = Look { color: true, theme, unicode: true, frames_per_s: 10 };
            for ink in COLOURED {
                let Some(Color::Indexed(index)) = look.style(ink).fg else { panic!("{ink:?} has no colour") };
                for background in backgrounds {
                    let contrast = contrast(luminance(index), *background);
                    assert!(contrast >= least, "{theme:?} {ink:?} {index}: {contrast:.1} on {background}");
                }
            }
        }
    }

    #[test]
    fn without_colour_no_theme_has_any() {
        for theme in [Theme::Auto, Theme::Dark, Theme::Light] {
            let look = Look { color: false, theme, unicode: true, frames_per_s: 10 };
            assert!(COLOURED.iter().all(|ink| look.style(*ink).fg.is_none()));
        }
    }
}
