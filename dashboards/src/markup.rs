//! The one door from text to HTML, SVG and XML: everything from outside is made visible ([`crate::display`]) and then escaped.
//!
//! ```text
//!  text    one line, cut at 400 characters     names, sentences
//!  whole   one line, never cut                 paths, commands that are copied
//!  lines   newlines and tabs stay              configurations, logs
//!  json    a document inside <script>          data for programs
//! ```

use crate::display::{display, display_whole};

/// One line for an element or a quoted attribute, at most 400 characters.
pub fn text(text: &str) -> String {
    escape(&display(text))
}

/// As [`text`], but never cut.
pub fn whole(text: &str) -> String {
    escape(&display_whole(text))
}

/// Lines as they are, each made harmless by itself; at most `most` bytes of the text, and whether it was cut.
pub fn lines(text: &str, most: usize) -> (String, bool) {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let tidy = |line: &str| {
        let cells: Vec<String> = line.trim_end_matches('\r').split('\t').map(whole).collect();
        cells.join("\t")
    };
    (text[..end].split('\n').map(tidy).collect::<Vec<_>>().join("\n"), end < text.len())
}

/// A JSON document that may stand in a `<script>` element: nothing in it can end the element or turn the page round.
pub fn json(document: &serde_json::Value) -> String {
    let plain = |c: char| !matches!(c, '<' | '>' | '&') && display(c.encode_utf8(&mut [0; 4])).starts_with(c);
    let mut out = String::new();
    for c in document.to_string().chars() {
        if plain(c) && !is_no_character(c) {
            out.push(c);
        } else {
            // Outside of strings JSON has ASCII only, none of which is escaped here.
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if is_no_character(c) => out.push_str(&format!("\\u{{{:x}}}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

/// What XML does not take, escaped or not.
pub(crate) fn is_no_character(c: char) -> bool {
    c as u32 & 0xfffe == 0xfffe || matches!(c, '\u{fdd0}'..='\u{fdef}')
}

/// Panics unless `xml` is well-formed: every element that begins ends, every attribute is quoted and stands once.
#[cfg(test)]
pub(crate) fn well_formed(xml: &str) {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(xml);
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return,
            Event::Start(tag) | Event::Empty(tag) => tag.attributes().for_each(|attribute| drop(attribute.unwrap())),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_cannot_become_an_element_or_leave_an_attribute() {
        assert_eq!(text("</script><b a='\"&"), "&lt;/script&gt;&lt;b a=&#39;&quot;&amp;");
        assert_eq!(text("a\u{202e}b\u{ffff}"), "a\\u{202e}b\\u{ffff}");
    }

    #[test]
    fn lines_stay_lines_and_a_long_text_is_cut_between_characters() {
        assert_eq!(lines("a\tb\r\n<c>\u{7}", 100), ("a\tb\n&lt;c&gt;\\x07".to_owned(), false));
        assert_eq!(lines("aä", 2), ("a".to_owned(), true));
    }

    proptest! {
        #[test]
        fn a_document_in_a_script_is_the_same_document_and_cannot_end_it(words in prop::collection::vec(".*", 0..8)) {
            let document = serde_json::json!({ "words": words, "end": "</script><!--\u{2028}\u{feff}" });
            let shown = json(&document);
            prop_assert!(!shown.contains('<') && display_whole(&shown) == shown);
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), document);
        }

        #[test]
        fn nothing_active_comes_out(any: String) {
            for shown in [text(&any), whole(&any), lines(&any, 1000).0] {
                prop_assert!(!shown.contains(['<', '>', '"', '\'']));
                prop_assert!(shown.chars().all(|c| c == '\n' || c == '\t' || !display(&c.to_string()).starts_with("\\u")));
            }
        }
    }
}
