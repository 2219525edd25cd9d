//! From bytes of a request or an output file to records: the receiving end's own codec, shared with no agent.
//!
//! ```text
//! raw lines     <text> LF …                              the line is the text
//! JSON lines    {"log":"<text>","file":"…","stream":"…"} LF …
//! JSON array    [{"log":"<text>",…},{…}]
//! merged        {"id":"<stamp>","uri":…,"file":"…"}       the record was JSON (or pairs, …) and the agent parsed it
//! embedded      … "GET <text> HTTP/1.1" 200 …             the record is what was asked for, and this is what was logged
//! ```
//! Nothing is refused: what cannot be read is handed on as it came, and the judge finds it damaged.
//!
//! Where the texts of the run are known, an escaped text is compared with what it must be (`proven`), and what stands
//! around it with the object before (`layout`). Whatever differs is read the long way: the conclusions are the same.

mod embedded;
mod fields;
mod layout;
mod merged;
mod object;
mod owner;
mod proven;
mod text;
mod unescape;

use std::{borrow::Cow, sync::Arc};

use results::{
    identity::{self, Stamp},
    ledger::{Intake, Seen},
};
use serde::{Deserialize, Serialize};

use self::{
    embedded::Of,
    layout::Layout,
    object::{Value, read, skip_space, skip_value},
    proven::{Forms, Prover},
    text::{Text, Texts, without_line_feed},
    unescape::{Scratch, unescape},
};
use crate::payload::Payloads;

/// How records lie in a body or file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Found out from the bytes: an array, or lines of which each is an object with a text, a parsed object or raw.
    #[default]
    Auto,
    /// Each line is a record's text.
    Raw,
    /// Each line is an object.
    JsonLines,
    /// One array of objects.
    JsonArray,
    /// Each line holds one record's whole text somewhere, as a template put it there.
    Embedded,
}

/// Under which keys an agent puts what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// The record's text.
    pub text: String,
    /// The path of the file it was read from; the last that an object has counts.
    pub paths: Vec<String>,
    /// The output stream.
    pub output: String,
    /// Where an agent says whose a record is: the key of an object, and the key in it. Its value stands for the path then,
    /// an empty one if it is missing.
    pub owner: Option<(String, String)>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { text: "log".into(), paths: vec!["file".into(), "path".into()], output: "stream".into(), owner: None }
    }
}

impl Keys {
    fn is_text(&self, key: &[u8]) -> bool {
        self.text.as_bytes() == key
    }

    fn is_path(&self, key: &[u8]) -> bool {
        self.paths.iter().any(|path| path.as_bytes() == key)
    }

    fn is_output(&self, key: &[u8]) -> bool {
        self.output.as_bytes() == key
    }
}

/// One record as it was decoded.
#[derive(Debug, Clone, Copy)]
pub enum Record<'a> {
    /// Its text, for the judge to verify.
    Text(&'a [u8]),
    /// Its stamp; the text was compared with the one that these payloads have for it, and is the same to the byte.
    Proven(&'a Stamp, &'a Payloads),
}

impl<'a> Record<'a> {
    /// The text, recomputed if it was only compared.
    pub fn text(self) -> Cow<'a, [u8]> {
        match self {
            Self::Text(text) => text.into(),
            Self::Proven(stamp, payloads) => payloads.expected(stamp).unwrap_or_default().into(),
        }
    }

    /// Books it.
    #[inline]
    pub fn book(self, seen: Seen<'_>, intake: &mut Intake) {
        match self {
            Self::Proven(stamp, _) if intake.record_proven(stamp, seen) => {}
            _ => intake.record(&self.text(), seen),
        }
    }
}

/// Takes one record.
pub type Take<'a> = dyn FnMut(Record<'_>, Seen<'_>) + 'a;

/// Decodes bodies; holds the scratch space between them. A clone shares what was learned of the run's texts.
#[derive(Debug, Clone)]
pub struct Decoder {
    format: Format,
    keys: Keys,
    forms: Option<Arc<Forms>>,
    /// Texts lie within what arrives, for some of the streams.
    embeds: bool,
    layout: Layout,
    texts: Texts,
    path: Scratch,
    output: Scratch,
}

impl Decoder {
    /// With `payloads`, texts that are as they were written are proven by comparison (which is faster and concludes
    /// the same), and records that the agent parsed are put together again.
    pub fn new(format: Format, keys: Keys, payloads: Option<Arc<Payloads>>) -> Self {
        let embeds = payloads.as_deref().is_some_and(embedded::are_in);
        let forms = payloads.map(|payloads| Arc::new(Forms::new(payloads)));
        let texts = Texts::new(forms.clone().map(Prover::new));
        Self {
            format,
            keys,
            forms,
            embeds,
            layout: Layout::default(),
            texts,
            path: Scratch::default(),
            output: Scratch::default(),
        }
    }

    /// Hands on every record of a whole body, or of whole lines of a file.
    pub fn decode(&mut self, body: &[u8], take: &mut Take<'_>) {
        let Some(forms) = self.forms.clone().filter(|_| self.embeds) else { return self.decode_whole(body, take) };
        let of = Of::Embedded(forms.payloads());
        self.decode_whole(body, &mut |record, seen| match record {
            Record::Text(bytes) => match embedded::within(bytes, of) {
                // A path that holds a stamp is that of the request, not of a file.
                Some(text) => {
                    take(Record::Text(&text), Seen { path: seen.path.filter(|path| !is_stamped(path)), ..seen });
                }
                None => take(record, seen),
            },
            Record::Proven(..) => take(record, seen),
        });
    }

    /// What arrives is taken for the records' texts, or for objects that hold them.
    fn decode_whole(&mut self, body: &[u8], take: &mut Take<'_>) {
        match self.format {
            Format::JsonArray => self.array(body, take),
            Format::Auto if is_array(body) => self.array(body, take),
            Format::Raw => lines(body, |line| take(Record::Text(line), Seen::default())),
            Format::JsonLines => lines(body, |line| self.object_line(line, take)),
            Format::Embedded => lines(body, |line| {
                let text = embedded::within(line, Of::All);
                take(Record::Text(text.as_deref().unwrap_or(line)), Seen::default());
            }),
            Format::Auto => lines(body, |line| match line.first() {
                Some(b'{') => self.object_line(line, take),
                _ => take(Record::Text(line), Seen::default()),
            }),
        }
    }

    fn array(&mut self, body: &[u8], take: &mut Take<'_>) {
        let mut at = skip_space(body, 0);
        if body.get(at) == Some(&b'[') {
            at += 1;
        }
        loop {
            at = skip_space(body, at);
            match body.get(at) {
                None => return,
                Some(b',' | b']') => at += 1,
                Some(b'{') if let Some(len) = self.object(&body[at..], false, take) => at += len,
                Some(_) => match skip_value(body, at) {
                    Some(end) => {
                        self.slowly(&body[at..end], take);
                        at = end;
                    }
                    // Cut or no JSON at all: the rest is one damaged record.
                    None => return take(Record::Text(&body[at..]), Seen::default()),
                },
            }
        }
    }

    fn object_line(&mut self, line: &[u8], take: &mut Take<'_>) {
        if self.object(line, true, take).is_none() {
            self.slowly(line, take);
        }
    }

    /// Hands on the object at the head of `input`, if it is a flat one with a text; how long it was.
    #[inline]
    fn object(&mut self, input: &[u8], is_line: bool, take: &mut Take<'_>) -> Option<usize> {
        let fields = read(input, &self.keys, &mut self.layout, &mut self.texts)?;
        let text = fields.text?;
        if is_line && skip_space(input, fields.len) != input.len() {
            return None;
        }
        let owner = self.keys.owner.as_ref().map(|keys| owner::of(&input[..fields.len], keys));
        let seen = Seen {
            path: owner.or_else(|| fields.path.and_then(|value| plain(value, &mut self.path))),
            output: fields.output.and_then(|value| plain(value, &mut self.output)),
        };
        match (&text, &self.forms) {
            (Text::Proven(stamp), Some(forms)) => take(Record::Proven(stamp, forms.payloads()), seen),
            _ => take(Record::Text(without_line_feed(self.texts.unescaped())), seen),
        }
        Some(fields.len)
    }

    /// The way for everything else.
    fn slowly(&mut self, document: &[u8], take: &mut Take<'_>) {
        let is_raw = self.format == Format::Auto && is_whole_text(document);
        let payloads = self.forms.as_deref().map(|forms| &**forms.payloads());
        let owner = self.keys.owner.as_ref().map(|keys| owner::of(document, keys));
        let mut take = |record: Record<'_>, seen: Seen<'_>| take(record, Seen { path: owner.or(seen.path), ..seen });
        if is_raw || !merged::take(document, &self.keys, payloads, &mut take) {
            take(Record::Text(document), Seen::default());
        }
    }
}

/// True if the bytes are a record's text itself, by the stamp's own account.
fn is_whole_text(bytes: &[u8]) -> bool {
    identity::find(bytes).is_some_and(|at| {
        let stamp = Stamp::decode(&bytes[at..]);
        stamp.is_ok_and(|(stamp, _)| stamp.text_len as usize == bytes.len() && usize::from(stamp.at) == at)
    })
}

fn is_stamped(bytes: &[u8]) -> bool {
    identity::find(bytes).is_some()
}

fn is_array(body: &[u8]) -> bool {
    let at = skip_space(body, 0);
    body.get(at) == Some(&b'[') && matches!(body.get(skip_space(body, at + 1)), Some(b'{' | b']'))
}

fn plain<'a>(value: Value<'a>, scratch: &'a mut Scratch) -> Option<&'a [u8]> {
    if !value.is_escaped {
        return Some(value.raw);
    }
    // The closing quote is part of the input that `raw` was cut from; a copy restores it.
    let quoted = [value.raw, b"\""].concat();
    unescape(&quoted, 0, scratch)?;
    Some(scratch.bytes())
}

/// Every line that is not empty; the last may lack its line feed.
fn lines(body: &[u8], mut take: impl FnMut(&[u8])) {
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', body).chain([body.len()]) {
        if end > start {
            take(&body[start..end]);
        }
        start = end + 1;
    }
}

#[cfg(test)]
mod tests;
