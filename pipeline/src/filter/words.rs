//! Words of a value: separated by blanks; one in double quotes may hold blanks and `\"`.

/// The words of `text`.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, after) = quoted(rest).unwrap_or_else(|| {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            (rest[..end].to_owned(), &rest[end..])
        });
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// A word in quotes, if it is closed and nothing but a blank follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut word = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let after = &inner[at + 1..];
                return (after.is_empty() || after.starts_with(char::is_whitespace)).then_some((word, after));
            }
            '\\' => match chars.next()?.1 {
                '"' => word.push('"'),
                other => word.extend(['\\', other]),
            },
            c => word.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn quotes_hold_a_word_together_only_around_the_whole_of_it() {
        assert_eq!(words("  a \"b c\"  d\\\"e \"f \\\" g\\d\" "), ["a", "b c", "d\\\"e", "f \" g\\d"]);
        assert_eq!(words("\"a\"b c\""), ["\"a\"b", "c\""]);
        assert_eq!(words("\"open word"), ["\"open", "word"]);
        assert!(words("  ").is_empty());
    }
}
