//! Record accessors and the templates made of them, as Fluent Bit writes them.
//!
//! ```text
//! $log   $kubernetes['labels']['app']   $list[0]          one value of a record; a key without $ is itself
//! from.$TAG.$TAG[1].$1.$tool['name'].out                  text with values, the tag, its parts, groups of a match
//! ```
//! In a template an accessor ends at a dot, a blank, a comma or a quote that are not in its brackets.

use super::{Event, Fields, Text, Value};

/// One value of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accessor {
    key: Text,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(Text),
    Index(usize),
}

/// Most steps into a record.
const STEPS_MAX: usize = super::DEPTH_MAX;

impl Accessor {
    /// Reads `$key['sub'][0]`, or a plain key; none if it is neither.
    pub fn new(text: &str) -> Option<Self> {
        let Some(inner) = text.strip_prefix('$') else {
            return (!text.is_empty()).then(|| Self { key: text.as_bytes().to_vec(), steps: Vec::new() });
        };
        let end = inner.find('[').unwrap_or(inner.len());
        let (key, mut rest) = inner.split_at(end);
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = step(rest)?;
            steps.push(step);
            rest = after;
        }
        (!key.is_empty() && steps.len() <= STEPS_MAX).then(|| Self { key: key.as_bytes().to_vec(), steps })
    }

    /// The value in `fields`.
    pub fn get<'a>(&self, fields: &'a Fields) -> Option<&'a Value> {
        let mut value = fields.get(&self.key)?;
        for step in &self.steps {
            value = match (step, value) {
                (Step::Key(key), Value::Map(fields)) => fields.get(key)?,
                (Step::Index(index), Value::Array(values)) => values.get(*index)?,
                _ => return None,
            };
        }
        Some(value)
    }
}

/// A step in brackets, and what follows it.
fn step(text: &str) -> Option<(Step, &str)> {
    let inner = text.strip_prefix('[')?;
    for quote in ['\'', '"'] {
        if let Some(key) = inner.strip_prefix(quote) {
            let end = key.find([quote])?;
            return Some((Step::Key(key.as_bytes()[..end].to_vec()), key[end + 1..].strip_prefix(']')?));
        }
    }
    let end = inner.find(']')?;
    Some((Step::Index(inner[..end].parse().ok()?), &inner[end + 1..]))
}

/// Text with values in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Text),
    Tag,
    PieceOfTag(usize),
    Group(usize),
    Value(Accessor),
}

impl Template {
    /// Reads a template; none if an accessor in it cannot be read.
    pub fn new(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            if at > 0 {
                parts.push(Part::Text(rest.as_bytes()[..at].to_vec()));
            }
            let (part, after) = part(&rest[at..])?;
            parts.push(part);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.as_bytes().to_vec()));
        }
        Some(Self(parts))
    }

    /// Writes it to `out`; `groups` are those of a match, 0 the whole. A value that is not there leaves nothing; false
    /// if one was missing.
    pub fn render<'g>(
        &self,
        tag: &str,
        event: &Event,
        groups: impl Fn(usize) -> Option<&'g [u8]>,
        out: &mut Text,
    ) -> bool {
        let mut whole = true;
        for part in &self.0 {
            let found = match part {
                Part::Text(text) => Some(std::borrow::Cow::Borrowed(text.as_slice())),
                Part::Tag => Some(tag.as_bytes().into()),
                Part::PieceOfTag(index) => tag.split('.').nth(*index).map(|part| part.as_bytes().into()),
                Part::Group(index) => groups(*index).map(Into::into),
                Part::Value(accessor) => accessor.get(&event.fields).and_then(Value::shown),
            };
            whole &= found.is_some();
            out.extend_from_slice(&found.unwrap_or_default());
        }
        whole
    }
}

fn part(text: &str) -> Option<(Part, &str)> {
    let inner = &text[1..];
    if let Some(digit) = inner.bytes().next().filter(u8::is_ascii_digit) {
        return Some((Part::Group(usize::from(digit - b'0')), &inner[1..]));
    }
    if let Some(rest) = inner.strip_prefix("TAG") {
        if let Some(index) = rest.strip_prefix('[') {
            let end = index.find(']')?;
            return Some((Part::PieceOfTag(index[..end].parse().ok()?), &index[end + 1..]));
        }
        if !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            return Some((Part::Tag, rest));
        }
    }
    let mut quoted = None;
    let end = text.char_indices().skip(1).find(|&(_, c)| match quoted {
        Some(quote) => {
            if c == quote {
                quoted = None;
            }
            false
        }
        None if c == '\'' => {
            quoted = Some(c);
            false
        }
        None => matches!(c, '.' | ' ' | ',' | '"' | '$'),
    });
    let (accessor, rest) = text.split_at(end.map_or(text.len(), |(at, _)| at));
    Some((Part::Value(Accessor::new(accessor)?), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{event::json, parse::time::Time};

    fn event() -> Event {
        let fields = br#"{"log":"x","code":404,"list":[{"a":"b"},"c"],"kubernetes":{"labels":{"app.name/x":"web"}}}"#;
        Event::new(Time { seconds: 0, nanos: 0 }, json::object(fields).unwrap())
    }

    #[test]
    fn an_accessor_leads_through_maps_and_arrays() {
        let fields = event().fields;
        let get =
            |text: &str| Accessor::new(text).unwrap().get(&fields).and_then(Value::shown).map(|text| text.to_vec());
        assert_eq!(get("log"), Some(b"x".to_vec()));
        assert_eq!(get("$code"), Some(b"404".to_vec()));
        assert_eq!(get("$kubernetes['labels']['app.name/x']"), Some(b"web".to_vec()));
        assert_eq!(get("$kubernetes[\"labels\"][\"app.name/x\"]"), Some(b"web".to_vec()));
        assert_eq!(get("$list[0]['a']"), Some(b"b".to_vec()));
        assert_eq!((get("$list[1]"), get("$list[2]"), get("$none")), (Some(b"c".to_vec()), None, None));
        assert_eq!((get("$log['a']"), get("$kubernetes[0]")), (None, None));
        for bad in ["", "$", "$a[", "$a['b'", "$a['b]", "$a[x]", "$a['b']c", "$[0]"] {
            assert_eq!(Accessor::new(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_template_is_filled_from_tag_groups_and_record() {
        let filled = |template: &str| {
            let mut out = Text::new();
            let group = |index: usize| [b"whole".as_slice(), b"first"].get(index).copied();
            let whole = Template::new(template).unwrap().render("kube.web.log", &event(), group, &mut out);
            (String::from_utf8(out).unwrap(), whole)
        };
        let said = |text: &str| (text.to_owned(), true);
        assert_eq!(filled("from.$TAG.new.$code.out"), said("from.kube.web.log.new.404.out"));
        assert_eq!(filled("$TAG[1]-$1-$0"), said("web-first-whole"));
        assert_eq!(filled("a.$kubernetes['labels']['app.name/x'].b"), said("a.web.b"));
        assert_eq!(filled("/log/$log"), said("/log/x"));
        assert_eq!(filled("x.$none.y"), ("x..y".to_owned(), false));
        assert_eq!(filled("$TAG[9]"), (String::new(), false));
        assert_eq!(Template::new("a.$.b"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"[$\[\]'".TAG0-9a-zé ]{0,24}"#) {
            let _ = Accessor::new(&text);
            if let Some(template) = Template::new(&text) {
                template.render("a.b", &event(), |_| None, &mut Text::new());
            }
        }
    }
}
