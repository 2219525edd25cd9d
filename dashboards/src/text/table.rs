//! Columns that line up, and paragraphs that fit: the two shapes the summary is made of.

/// Which side of its column a cell leans to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lean {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows with two spaces between their columns; the widest cell sets the width. No trailing spaces.
/// `lean` says it for each column; further columns lean left.
pub fn columns(rows: &[Vec<String>], lean: &[Lean]) -> Vec<String> {
    let widest =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| visible(cell)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows.iter().map(Vec::len).max().unwrap_or(0)).map(widest).collect();
    let line = |row: &Vec<String>| {
        let mut out = String::new();
        for (column, cell) in row.iter().enumerate() {
            let room = " ".repeat(widths[column] - visible(cell));
            let gap = if column > 0 { "  " } else { "" };
            match lean.get(column).unwrap_or(&Lean::Left) {
                Lean::Left => out.extend([gap, cell, &room]),
                Lean::Right => out.extend([gap, &room, cell]),
            }
        }
        out.truncate(out.trim_end().len());
        out
    };
    rows.iter().map(line).collect()
}

/// `text` in lines of at most `width` columns, broken at spaces; a longer word stands alone, unbroken, so that paths and
/// commands can be copied.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && visible(&line) + 1 + visible(word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// `text` cut to `width` columns.
pub fn fit(text: &str, width: usize) -> String {
    text.chars().take(width).collect::<String>().trim_end().to_owned()
}

/// Columns a text takes: our own colour sequences take none.
pub fn visible(text: &str) -> usize {
    let (mut columns, mut in_escape) = (0, false);
    for c in text.chars() {
        match (in_escape, c) {
            (false, '\u{1b}') => in_escape = true,
            (true, 'm') => in_escape = false,
            (true, _) => {}
            (false, _) => columns += 1,
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lean_right_and_nothing_trails() {
        let rows = [vec!["lost".into(), "2,906".into(), "x".into()], vec!["duplicated".into(), "0".into()]];
        assert_eq!(columns(&rows, &[Lean::Left, Lean::Right]), ["lost        2,906  x", "duplicated      0"]);
    }

    #[test]
    fn colours_take_no_room() {
        let rows = [vec!["\u{1b}[1mab\u{1b}[0m".into(), "1".into()], vec!["abc".into(), "2".into()]];
        assert_eq!(columns(&rows, &[]), ["\u{1b}[1mab\u{1b}[0m   1", "abc  2"]);
    }

    #[test]
    fn a_paragraph_fits_and_a_long_path_stays_whole() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("see /a/very/long/path now", 8), ["see", "/a/very/long/path", "now"]);
        assert_eq!(wrap("", 8), [""]);
    }
}
