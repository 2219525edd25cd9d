//! As much of YAML as CI recipes use: words, lists, mappings in order. No anchors, no second document.

use saphyr_parser::{Event, Parser};

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Yaml {
    Word(String),
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    /// The one document of a text.
    pub(super) fn parse(text: &str) -> Self {
        let mut events =
            Parser::new_from_str(text).map(|event| event.unwrap_or_else(|error| panic!("no YAML: {error}")).0);
        let begin = events.by_ref().find(|event| !matches!(event, Event::StreamStart | Event::DocumentStart(_)));
        node(begin.unwrap(), &mut events)
    }

    /// The value of a key of a mapping.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.map().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value of a key that has to be there.
    pub(super) fn at(&self, key: &str) -> &Self {
        self.get(key).unwrap_or_else(|| panic!("no {key} in {self:?}"))
    }

    pub(super) fn word(&self) -> &str {
        let Self::Word(word) = self else { panic!("no word: {self:?}") };
        word
    }

    pub(super) fn list(&self) -> &[Self] {
        let Self::List(items) = self else { panic!("no list: {self:?}") };
        items
    }

    pub(super) fn map(&self) -> &[(String, Self)] {
        let Self::Map(entries) = self else { panic!("no mapping: {self:?}") };
        entries
    }
}

fn node<'a>(event: Event<'a>, events: &mut impl Iterator<Item = Event<'a>>) -> Yaml {
    match event {
        Event::Scalar(text, ..) => Yaml::Word(text.into_owned()),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match events.next().unwrap() {
                    Event::SequenceEnd => return Yaml::List(items),
                    event => items.push(node(event, events)),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut entries = Vec::new();
            loop {
                match events.next().unwrap() {
                    Event::MappingEnd => return Yaml::Map(entries),
                    Event::Scalar(key, ..) => {
                        let value = events.next().unwrap();
                        entries.push((key.into_owned(), node(value, events)));
                    }
                    other => panic!("no key: {other:?}"),
                }
            }
        }
        other => panic!("a recipe needs no {other:?}"),
    }
}
