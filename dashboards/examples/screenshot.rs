//! Turns what a terminal shows into a picture: reads the colours and signs of a screen from standard input, writes SVG.
//!
//! ```text
//!  tmux new-session -d -x 120 -y 40 'tailproof watch RUN --at 0:19'
//!  tmux capture-pane -ep | cargo run -p tailproof-dashboards --example screenshot > docs/images/dashboard.svg
//! ```

use std::io::{self, Read, Write};

use dashboards::tui::export;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};

fn main() -> io::Result<()> {
    let mut text = String::new();
    io::stdin().take(1 << 22).read_to_string(&mut text)?;
    let lines: Vec<Vec<(char, Style)>> = styled(&text);
    let width = lines.iter().map(Vec::len).max().unwrap_or(0) as u16;
    let mut cells = Buffer::empty(Rect::new(0, 0, width, lines.len() as u16));
    for (y, line) in (0u16..).zip(&lines) {
        for (x, (sign, style)) in (0u16..).zip(line) {
            cells[(x, y)].set_char(*sign).set_style(*style);
        }
    }
    io::stdout().write_all(export::svg(&cells).as_bytes())
}

/// The signs of each line with the style they have.
fn styled(text: &str) -> Vec<Vec<(char, Style)>> {
    let mut style = Style::default();
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut signs = Vec::new();
        let mut rest = line.chars();
        while let Some(sign) = rest.next() {
            if sign == '\u{1b}' {
                let codes: String = rest.by_ref().skip(1).take_while(|c| *c != 'm').collect();
                style = changed(style, &codes);
            } else {
                signs.push((sign, style));
            }
        }
        lines.push(signs);
    }
    lines
}

/// The style after a select-graphic-rendition sequence.
fn changed(mut style: Style, codes: &str) -> Style {
    let mut codes = codes.split(';').map(|code| code.parse().unwrap_or(0u8));
    while let Some(code) = codes.next() {
        style = match code {
            0 => Style::default(),
            1 => style.add_modifier(Modifier::BOLD),
            2 => style.add_modifier(Modifier::DIM),
            7 => style.add_modifier(Modifier::REVERSED),
            22 => style.remove_modifier(Modifier::BOLD | Modifier::DIM),
            27 => style.remove_modifier(Modifier::REVERSED),
            39 => Style { fg: None, ..style },
            38 if codes.next() == Some(5) => style.fg(Color::Indexed(codes.next().unwrap_or(0))),
            _ => style,
        };
    }
    style
}
