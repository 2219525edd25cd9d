//! What stands around the text of a record, remembered from the object before: an agent writes the same keys in the
//! same order, and between them only digits change.
//!
//! ```text
//! {"date":1763704201.123,"stream":"stdout","log":"<text>","file":"/var/log/a.log"}
//! └──────────────────── head ────────────────────┘      └───────── tail ─────────┘
//! ```
//! Bytes must be the same, except that in a value a digit may be another digit. That cannot move a quote, bracket or
//! comma, and keys are compared to the byte; so the values lie where they lay, and are taken from the new bytes.

use std::ops::Range;

use super::{
    Keys,
    object::{Fields, Value, first_member, skip_value, string, walk},
};

/// Longest head or tail remembered, bytes.
const MAX_FRAME: usize = 4_096;
/// The bits in which digits differ.
const DIGIT: u8 = 0x0f;

/// The layout of the last object that was learned.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    head: Frame,
    tail: Frame,
    /// Objects in a row that did not fit.
    misses: u32,
}

#[derive(Debug, Clone, Default)]
struct Frame {
    bytes: Vec<u8>,
    /// For each byte the bits that may differ.
    loose: Vec<u8>,
    path: Option<Place>,
    output: Option<Place>,
}

#[derive(Debug, Clone)]
struct Place {
    range: Range<usize>,
    is_escaped: bool,
}

impl Layout {
    /// One that never learns.
    #[cfg(test)]
    pub(super) fn never() -> Self {
        Self { misses: u32::MAX, ..Self::default() }
    }

    /// True if an object begins as the last one did; then its values before the text are in `fields`.
    #[inline]
    pub(super) fn opens<'a>(&self, input: &'a [u8], fields: &mut Fields<'a>) -> bool {
        self.head.fits(input, fields)
    }

    /// Where the text begins in an object that opens like that.
    #[inline]
    pub(super) fn text_at(&self) -> usize {
        self.head.bytes.len()
    }

    /// True if what is behind the text, from `at` on, is as it was in the last one; then `fields` are complete.
    #[inline]
    pub(super) fn closes<'a>(&mut self, input: &'a [u8], at: usize, fields: &mut Fields<'a>) -> bool {
        if !self.tail.fits(&input[at..], fields) {
            return false;
        }
        fields.len = at + self.tail.bytes.len();
        self.misses = 0;
        true
    }

    /// An object that was understood but did not fit: learned, though ever more seldom if none fits.
    pub(super) fn missed(&mut self, object: &[u8], keys: &Keys) {
        self.misses = self.misses.saturating_add(1);
        if self.misses.is_power_of_two() {
            self.head.bytes.clear();
            if self.learn(object, keys).is_none() {
                self.head.bytes.clear();
            }
        }
    }

    /// `None` if the object has no text, or more than one, or is too long.
    #[cold]
    fn learn(&mut self, object: &[u8], keys: &Keys) -> Option<()> {
        let mut text: Option<Range<usize>> = None;
        let mut is_unique = true;
        let mut names: Vec<Range<usize>> = Vec::new();
        let (mut head, mut tail) = (Frame::default(), Frame::default());
        let place_of = |part: &[u8]| {
            let start = part.as_ptr() as usize - object.as_ptr() as usize;
            start..start + part.len()
        };
        walk(object, first_member(object)?, |key, at| {
            names.push(place_of(key));
            if object.get(at) != Some(&b'"') {
                return skip_value(object, at);
            }
            let (value, end) = string(object, at)?;
            let range = at + 1..end - 1;
            if keys.is_text(key) {
                is_unique &= text.replace(range).is_none();
                return Some(end);
            }
            let (frame, from) = text.as_ref().map_or((&mut head, 0), |text| (&mut tail, text.end + 1));
            let place = Place { range: range.start - from..range.end - from, is_escaped: value.is_escaped };
            if keys.is_output(key) {
                frame.output = Some(place);
            } else if keys.is_path(key) {
                frame.path = Some(place);
            }
            Some(end)
        })?;
        let text = text.filter(|_| is_unique)?;
        head.set(object, 0..text.start, &names)?;
        tail.set(object, text.end + 1..object.len(), &names)?;
        (self.head, self.tail) = (head, tail);
        Some(())
    }
}

impl Frame {
    fn set(&mut self, object: &[u8], range: Range<usize>, names: &[Range<usize>]) -> Option<()> {
        if range.len() > MAX_FRAME {
            return None;
        }
        self.bytes = object[range.clone()].to_vec();
        self.loose = self.bytes.iter().map(|byte| if byte.is_ascii_digit() { DIGIT } else { 0 }).collect();
        for name in names.iter().filter(|name| range.contains(&name.start)) {
            self.loose[name.start - range.start..name.end - range.start].fill(0);
        }
        Some(())
    }

    #[inline]
    fn fits<'a>(&self, input: &'a [u8], fields: &mut Fields<'a>) -> bool {
        let Some(input) = input.get(..self.bytes.len()).filter(|input| !input.is_empty()) else { return false };
        let known = self.bytes.iter().zip(&self.loose);
        // A loose byte may differ in its low bits only, and those must not be above nine.
        let odd = input.iter().zip(known).fold(0, |odd, (byte, (known, loose))| {
            odd | (byte ^ known) & !loose | ((byte & loose) + (6 & loose)) & !DIGIT
        });
        if odd != 0 {
            return false;
        }
        let value = |place: &Place| Value { raw: &input[place.range.clone()], is_escaped: place.is_escaped };
        if let Some(path) = &self.path {
            fields.path = Some(value(path));
        }
        if let Some(output) = &self.output {
            fields.output = Some(value(output));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{object::read, text::Texts},
        *,
    };

    /// The output and the path of the second object, and whether both were read by the layout of the first.
    fn second(objects: [&str; 2]) -> (String, String, bool) {
        let keys = Keys { text: "t1".into(), paths: vec!["p1".into(), "p2".into()], output: "o".into(), owner: None };
        let (mut layout, mut texts) = (Layout::default(), Texts::default());
        read(objects[0].as_bytes(), &keys, &mut layout, &mut texts).expect("an object");
        let misses = layout.misses;
        let fields = read(objects[1].as_bytes(), &keys, &mut layout, &mut texts).expect("an object");
        assert_eq!(fields.len, objects[1].len());
        let owned =
            |value: Option<Value<'_>>| value.map_or_else(String::new, |value| value.raw.escape_ascii().to_string());
        (owned(fields.output), owned(fields.path), layout.misses < misses)
    }

    #[test]
    fn values_are_taken_from_the_object_at_hand() {
        let objects = [r#"{"p1":"/a1","n":12,"t1":"x","o":"s1"}"#, r#"{"p1":"/a2","n":99,"t1":"longer","o":"s7"}"#];
        assert_eq!(second(objects), ("s7".into(), "/a2".into(), true));
    }

    #[test]
    fn a_digit_in_a_key_makes_another_layout() {
        let objects = [r#"{"t1":"x","p1":"/a","o":"s"}"#, r#"{"t1":"x","p3":"/a","o":"s"}"#];
        assert_eq!(second(objects), ("s".into(), String::new(), false));
    }

    #[test]
    fn what_is_above_nine_is_no_digit() {
        let objects = [r#"{"n":"1","t1":"x","p1":"/1"}"#, r#"{"n":"1","t1":"x","p1":"/:"}"#];
        assert_eq!(second(objects), (String::new(), "/:".into(), false));
    }

    #[test]
    fn two_texts_make_no_layout() {
        let objects = [r#"{"t1":"x","t1":"y","p1":"/1"}"#; 2];
        assert!(!second(objects).2);
    }
}
