//! A frame elsewhere than on a terminal: as lines of text, and as a picture.

use ratatui::{
    buffer::{Buffer, Cell},
    layout::{Rect, Size},
    style::{Color, Modifier},
};

use super::scene::Scene;

/// A frame as lines of text.
pub fn text(scene: &Scene<'_>, size: Size) -> String {
    lines(&cells(scene, size)).join("\n") + "\n"
}

/// The cells of a frame.
pub fn cells(scene: &Scene<'_>, size: Size) -> Buffer {
    let mut cells = Buffer::empty(Rect::new(0, 0, size.width, size.height));
    scene.draw(&mut cells);
    cells
}

/// The rows of a frame, without the spaces at their ends.
pub fn lines(cells: &Buffer) -> Vec<String> {
    let area = cells.area;
    let row = |y: u16| {
        let (mut line, mut skip) = (String::new(), 0);
        for x in 0..area.width {
            let symbol = cells[(x, y)].symbol();
            if skip == 0 {
                line.push_str(symbol);
            }
            // The cell behind a wide sign is not one of its own.
            skip = if skip > 0 { skip - 1 } else { super::pen::columns(symbol).saturating_sub(1) };
        }
        line.truncate(line.trim_end().len());
        line
    };
    (0..area.height).map(row).collect()
}

/// Width and height of a cell in the picture, pixels.
const CELL: (f64, f64) = (8.4, 17.0);
/// Space around the frame.
const MARGIN: f64 = 12.0;
/// Text and background of the picture: those of a dark terminal.
const INK: &str = "#d4d4d4";
const PAPER: &str = "#1b1d23";

/// A frame as an SVG picture, in the colours it has on a dark terminal.
pub fn svg(cells: &Buffer) -> String {
    let area = cells.area;
    let (wide, high) = (f64::from(area.width) * CELL.0 + 2.0 * MARGIN, f64::from(area.height) * CELL.1 + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide:.0} {high:.0}\" width=\"{wide:.0}\" \
         height=\"{high:.0}\" role=\"img\" aria-label=\"the dashboard of a run\" \
         font-family=\"ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{PAPER}\"/>\n"
    );
    for y in 0..area.height {
        let row: Vec<&Cell> = (0..area.width).map(|x| &cells[(x, y)]).collect();
        let mut x = 0;
        while x < row.len() {
            let length = row[x..].iter().take_while(|cell| cell.style() == row[x].style()).count();
            let text: String = row[x..x + length].iter().map(|cell| cell.symbol()).collect();
            piece(&mut out, x, y, length, &text, row[x]);
            x += length;
        }
    }
    out + "</svg>\n"
}

/// Cells of one style beside each other.
fn piece(out: &mut String, x: usize, y: u16, length: usize, text: &str, cell: &Cell) {
    let (left, top) = (MARGIN + x as f64 * CELL.0, MARGIN + f64::from(y) * CELL.1);
    let wide = length as f64 * CELL.0;
    let modifier = cell.modifier;
    let (ink, paper) = (colour(cell.fg).unwrap_or_else(|| INK.to_owned()), PAPER);
    let (ink, paper) =
        if modifier.contains(Modifier::REVERSED) { (paper, Some(ink.as_str())) } else { (ink.as_str(), None) };
    if let Some(paper) = paper {
        out.push_str(&format!(
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{}\" fill=\"{paper}\"/>\n",
            CELL.1
        ));
    }
    if text.trim().is_empty() {
        return;
    }
    let weight = if modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let dim = if modifier.contains(Modifier::DIM) { " opacity=\"0.6\"" } else { "" };
    out.push_str(&format!(
        "<text x=\"{left:.1}\" y=\"{:.1}\" textLength=\"{wide:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
         xml:space=\"preserve\" fill=\"{ink}\"{weight}{dim}>{}</text>\n",
        top + 13.0,
        escaped(text)
    ));
}

/// An indexed colour as the terminals of the world show it.
fn colour(colour: Color) -> Option<String> {
    let Color::Indexed(index @ 16..=231) = colour else { return None };
    let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
    let index = index - 16;
    Some(format!("#{:02x}{:02x}{:02x}", level(index / 36), level(index / 6 % 6), level(index % 6)))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
