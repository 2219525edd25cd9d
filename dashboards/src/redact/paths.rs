//! Names for parts of paths: the same part has the same name wherever it is told, and nothing of it is in the name.

use std::collections::BTreeMap;

use super::visit::Text;

/// Parts of paths that are more than a word, such as `my logs`: looked for in every text, so there is a bound.
const MOST_ODD: usize = 1_000;

/// What is counted by the second.
const UNITS: [&str; 8] = ["B", "kB", "MB", "GB", "KiB", "MiB", "records", "requests"];

/// What was learnt of the paths of a run.
#[derive(Debug, Default)]
pub(super) struct Paths {
    /// Parts and their numbers.
    parts: BTreeMap<String, usize>,
    /// Last parts, which sentences tell without the folders before them; and names of streams that parts are called after.
    told_alone: BTreeMap<String, usize>,
    /// Those of the latter that are more than a word, longest first.
    odd: Vec<String>,
    streams: Vec<String>,
}

impl Paths {
    /// Learns the parts of one path, the last of which sentences tell alone.
    pub(super) fn learn_path(&mut self, path: &str) {
        // A bare number says nothing, and every count would be taken for it.
        if let Some((part, number)) = self.learn_parts(path)
            && !part.bytes().all(|byte| byte.is_ascii_digit())
        {
            self.alone(part, number);
        }
    }

    /// The same of a word that looks like a path and may be none: `and/or` makes no name of `or`.
    fn learn_word(&mut self, word: &str) {
        if let Some((part, number)) = self.learn_parts(word)
            && !part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            self.alone(part, number);
        }
    }

    fn learn_parts<'a>(&mut self, path: &'a str) -> Option<(&'a str, usize)> {
        let mut last = None;
        for part in path.split('/').filter(|part| is_name(part)) {
            let next = self.parts.len() + 1;
            let number = *self.parts.entry(part.to_owned()).or_insert(next);
            last = Some((part, number));
        }
        last
    }

    fn alone(&mut self, part: &str, number: usize) {
        let known = self.told_alone.insert(part.to_owned(), number).is_some();
        if !known && part.contains(is_gap) && self.odd.len() < MOST_ODD {
            let at = self.odd.partition_point(|other| other.len() >= part.len());
            self.odd.insert(at, part.to_owned());
        }
    }

    /// Learns from a text.
    pub(super) fn learn(&mut self, kind: Text, text: &str) {
        match kind {
            Text::Path => self.learn_path(text),
            Text::Stream => self.streams.push(text.to_owned()),
            Text::Command => words_of(text).filter(|word| is_path(word)).for_each(|word| self.learn_word(word)),
            Text::Words => pieces(text).filter(|(word, _)| is_path(word)).for_each(|(word, _)| self.learn_word(word)),
        }
    }

    /// The text without what was learnt.
    pub(super) fn hidden(&mut self, kind: Text, text: &str) -> String {
        self.settle_streams();
        match kind {
            Text::Path => self.path(text),
            Text::Command => {
                let word = |word: &str| if is_path(word) { self.path(word) } else { self.alone_or_same(word) };
                words_of(text).map(word).collect::<Vec<_>>().join(" ")
            }
            Text::Stream | Text::Words => self.words(text),
        }
    }

    /// Streams whose name is in a part are told by that part's name and number only.
    fn settle_streams(&mut self) {
        for stream in std::mem::take(&mut self.streams) {
            let within = !stream.is_empty() && self.parts.keys().any(|part| part.contains(&stream));
            if within && !self.told_alone.contains_key(&stream) {
                let next = self.parts.len() + 1;
                let number = *self.parts.entry(stream.clone()).or_insert(next);
                self.alone(&stream, number);
            }
        }
    }

    fn path(&self, path: &str) -> String {
        let part = |part: &str| self.parts.get(part).map_or_else(|| part.to_owned(), |number| named(*number));
        path.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    fn words(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for odd in self.odd.iter().filter(|odd| text.contains(odd.as_str())).collect::<Vec<_>>() {
            text = text.replace(odd.as_str(), &named(self.told_alone[odd]));
        }
        let mut out = String::with_capacity(text.len());
        for (word, gap) in pieces(&text) {
            out.push_str(&if is_path(word) { self.path(word) } else { self.alone_or_same(word) });
            out.push_str(gap);
        }
        out
    }

    /// A word that is a file's name; at the end of a sentence, too.
    fn alone_or_same(&self, word: &str) -> String {
        let bare = word.trim_end_matches('.');
        let found = self.told_alone.get(word).map(|number| (number, "")).or_else(|| {
            let number = self.told_alone.get(bare)?;
            Some((number, &word[bare.len()..]))
        });
        found.map_or_else(|| word.to_owned(), |(number, end)| named(*number) + end)
    }
}

fn named(number: usize) -> String {
    format!("path{number}")
}

fn is_name(part: &str) -> bool {
    !["", ".", ".."].contains(&part)
}

/// Whether a word is a path, and not `25.0k/s` or `MB/s`.
fn is_path(word: &str) -> bool {
    let rate = word
        .strip_suffix("/s")
        .is_some_and(|per| per.starts_with(|c: char| c.is_ascii_digit()) || UNITS.contains(&per));
    word.contains('/') && !rate
}

/// What stands between words.
fn is_gap(c: char) -> bool {
    c.is_whitespace() || "\"'`,;:()[]{}<>|=".contains(c)
}

/// Words, each with what stands behind it.
fn pieces(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let word = rest.find(is_gap).unwrap_or(rest.len());
        let gap = rest[word..].find(|c| !is_gap(c)).map_or(rest.len(), |at| word + at);
        let piece = (&rest[..word], &rest[word..gap]);
        rest = &rest[gap..];
        Some(piece)
    })
}

/// The words of a command; what stands between quotes is one, and so is what it is glued to.
fn words_of(command: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    command.split(move |c: char| {
        quoted ^= c == '\'';
        c == ' ' && !quoted
    })
}
