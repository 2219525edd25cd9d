//! YAML as a tree that knows its lines: bounded in depth and size, aliases included, keys unique.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScanError, Span};

use crate::config::error::{At, Place, Problem};

/// Deepest nesting.
const DEPTH_MAX: usize = 32;
/// Most values, counting those that aliases repeat.
const NODES_MAX: usize = 50_000;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: Place,
    pub(super) what: What,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum What {
    Text(String),
    List(Vec<Node>),
    Map(Map),
}

/// A key and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) at: Place,
    pub(super) text: String,
}

/// Keys and values in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Map(pub(super) Vec<(Key, Node)>);

impl Map {
    pub(super) fn entry(&self, key: &str) -> Option<&(Key, Node)> {
        self.0.iter().find(|(name, _)| name.text == key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }
}

impl Node {
    /// An empty value, as after `parsers:` with nothing below.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(&self.what, What::Text(text) if ["", "~", "null"].contains(&text.as_str()))
    }

    fn size(&self) -> usize {
        1 + match &self.what {
            What::Text(_) => 0,
            What::List(items) => items.iter().map(Self::size).sum(),
            What::Map(map) => map.0.iter().map(|(_, value)| value.size()).sum(),
        }
    }
}

/// The one document of `text`, which is the content of file number `file`.
pub(super) fn parse(file: u16, text: &str) -> At<Node> {
    let mut reader = Reader { file, parser: Parser::new_from_str(text), anchors: BTreeMap::new(), left: NODES_MAX };
    let mut root = None;
    loop {
        let (event, at) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            _ if root.is_some() => return Err((at, Problem::Yaml("a second document begins; keep one".to_owned()))),
            event => root = Some(reader.node(event, at, 0)?),
        }
    }
    let nothing = Node { at: Place { file, line: 0 }, what: What::Text(String::new()) };
    Ok(root.unwrap_or(nothing))
}

struct Reader<'a> {
    file: u16,
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    left: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> At<(Event<'a>, Place)> {
        match self.parser.next() {
            Some(Ok((event, span))) => Ok((event, self.place(span))),
            Some(Err(error)) => Err(self.broken(&error)),
            None => Ok((Event::StreamEnd, Place { file: self.file, line: 0 })),
        }
    }

    fn place(&self, span: Span) -> Place {
        Place { file: self.file, line: span.start.line() as u32 }
    }

    fn broken(&self, error: &ScanError) -> (Place, Problem) {
        let line = error.marker().line() as u32;
        let what = format!("column {}: {}; correct it there", error.marker().col() + 1, error.info());
        (Place { file: self.file, line }, Problem::Yaml(what))
    }

    fn node(&mut self, event: Event<'a>, at: Place, depth: usize) -> At<Node> {
        if depth >= DEPTH_MAX {
            return Err((at, Problem::Yaml(format!("it is nested deeper than {DEPTH_MAX} levels; flatten it"))));
        }
        self.spend(1, at)?;
        let (what, anchor) = match event {
            Event::Scalar(text, _, anchor, _) => (What::Text(text.into_owned()), anchor),
            Event::SequenceStart(anchor, _) => (What::List(self.list(depth)?), anchor),
            Event::MappingStart(anchor, _) => (What::Map(self.map(depth)?), anchor),
            Event::Alias(id) => {
                let known = self.anchors.get(&id).cloned();
                let node =
                    known.ok_or_else(|| (at, Problem::Yaml("an alias stands inside of what it names".to_owned())))?;
                self.spend(node.size(), at)?;
                return Ok(Node { at, ..node });
            }
            _ => return Err((at, Problem::Yaml("a value is missing; write one".to_owned()))),
        };
        let node = Node { at, what };
        if anchor != 0 {
            self.spend(node.size(), at)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> At<Vec<Node>> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, at) => items.push(self.node(event, at, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> At<Map> {
        let mut map = Map::default();
        loop {
            let (text, at) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(map),
                (Event::Scalar(text, ..), at) => (text.into_owned(), at),
                (_, at) => return Err((at, Problem::Shape("a word as the key"))),
            };
            if let Some((first, _)) = map.entry(&text) {
                return Err((at, Problem::Twice { key: text, first: first.at }));
            }
            let (event, value_at) = self.next()?;
            let value = self.node(event, value_at, depth + 1)?;
            map.0.push((Key { at, text }, value));
        }
    }

    fn spend(&mut self, nodes: usize, at: Place) -> At<()> {
        let too_many = || (at, Problem::Yaml(format!("it has more than {NODES_MAX} values; make it smaller")));
        self.left = self.left.checked_sub(nodes).ok_or_else(too_many)?;
        Ok(())
    }
}
