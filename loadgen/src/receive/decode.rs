//! From bytes of a request or an output file to records: the receiving end's own codec, shared with no agent.
//!
//! ```text
//! raw lines     <text> LF …                              the line is the text
//! JSON lines    {"log":"<text>","file":"…","stream":"…"} LF …
//! JSON array    [{"log":"<text>",…},{…}]
//! merged        {"id":"<stamp>","uri":…,"file":"…"}       the record was JSON and the agent parsed it
//! ```
//! Nothing is refused: what cannot be read is handed on as it came, and the judge finds it damaged.

mod merged;
mod object;

use results::{
    identity::{self, Stamp},
    ledger::Seen,
};
use serde::{Deserialize, Serialize};

use self::object::{Scratch, Value, scan, skip_space, skip_value, unescape};
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
}

impl Default for Keys {
    fn default() -> Self {
        Self { text: "log".into(), paths: vec!["file".into(), "path".into()], output: "stream".into() }
    }
}

/// Takes one record.
pub type Take<'a> = dyn FnMut(&[u8], Seen<'_>) + 'a;

/// Decodes bodies; holds the scratch space between them.
#[derive(Debug)]
pub struct Decoder {
    format: Format,
    keys: Keys,
    payloads: Option<std::sync::Arc<Payloads>>,
    text: Scratch,
    path: Scratch,
    output: Scratch,
}

impl Decoder {
    /// `payloads` is needed for merged objects only.
    pub fn new(format: Format, keys: Keys, payloads: Option<std::sync::Arc<Payloads>>) -> Self {
        Self { format, keys, payloads, text: Scratch::default(), path: Scratch::default(), output: Scratch::default() }
    }

    /// Hands on every record of a whole body, or of whole lines of a file.
    pub fn decode(&mut self, body: &[u8], take: &mut Take<'_>) {
        match self.format {
            Format::JsonArray => self.array(body, take),
            Format::Auto if is_array(body) => self.array(body, take),
            Format::Raw => lines(body, |line| take(line, Seen::default())),
            Format::JsonLines => lines(body, |line| self.object_line(line, take)),
            Format::Auto => lines(body, |line| match line.first() {
                Some(b'{') => self.object_line(line, take),
                _ => take(line, Seen::default()),
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
                    None => return take(&body[at..], Seen::default()),
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
    fn object(&mut self, input: &[u8], is_line: bool, take: &mut Take<'_>) -> Option<usize> {
        let fields = scan(input, &self.keys, &mut self.text)?;
        if !fields.has_text || is_line && skip_space(input, fields.len) != input.len() {
            return None;
        }
        let seen = Seen {
            path: fields.path.and_then(|value| plain(value, &mut self.path)),
            output: fields.output.and_then(|value| plain(value, &mut self.output)),
        };
        let text = self.text.bytes();
        take(text.strip_suffix(b"\n").unwrap_or(text), seen);
        Some(fields.len)
    }

    /// The way for everything else.
    fn slowly(&mut self, document: &[u8], take: &mut Take<'_>) {
        let is_raw = self.format == Format::Auto && is_whole_text(document);
        if is_raw || !merged::take(document, &self.keys, self.payloads.as_deref(), take) {
            take(document, Seen::default());
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
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use results::identity::StreamId;

    use super::*;
    use crate::payload::{Body, Size};

    type Found = Vec<(Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>)>;

    fn payloads() -> Arc<Payloads> {
        static POOLS: std::sync::OnceLock<Arc<Payloads>> = std::sync::OnceLock::new();
        let size = Size::Spread { min: 90, max: 600, long_every: 8, long: 40_000 };
        let build = || Arc::new(Payloads::new(9, 1, [(Body::NginxJson, size), (Body::AppText, size)]));
        Arc::clone(POOLS.get_or_init(build))
    }

    fn decode(format: Format, body: &[u8]) -> Found {
        let mut found = Vec::new();
        Decoder::new(format, Keys::default(), Some(payloads())).decode(body, &mut |text, seen| {
            found.push((text.to_vec(), seen.path.map(<[u8]>::to_vec), seen.output.map(<[u8]>::to_vec)));
        });
        found
    }

    fn texts() -> Vec<Vec<u8>> {
        let payloads = payloads();
        let text = |stream, seq| payloads.get(StreamId(stream)).expect("a stream").expected(seq, 5);
        (0..40).flat_map(|seq| [text(0, seq), text(1, seq)]).collect()
    }

    fn object(text: &[u8]) -> String {
        let text = std::str::from_utf8(text).expect("text");
        serde_json::json!({"date": 1.5, "log": text, "file": "/var/\"log\"", "stream": "stdout", "k8s": {"a": [1]}})
            .to_string()
    }

    fn labelled(texts: Vec<Vec<u8>>) -> Found {
        texts.into_iter().map(|text| (text, Some(b"/var/\"log\"".to_vec()), Some(b"stdout".to_vec()))).collect()
    }

    #[test]
    fn raw_lines_are_the_texts_told_or_found_out() {
        let body = texts().iter().flat_map(|text| [text.as_slice(), b"\n"].concat()).collect::<Vec<u8>>();
        let expected: Found = texts().into_iter().map(|text| (text, None, None)).collect();
        assert_eq!(decode(Format::Raw, &body), expected);
        assert_eq!(decode(Format::Auto, &body), expected);
    }

    #[test]
    fn objects_yield_text_path_and_output_in_lines_and_arrays() {
        let objects: Vec<String> = texts().iter().map(|text| object(text)).collect();
        let lines = objects.join("\n");
        let array = format!(" [ {} ]\n", objects.join(" ,\n"));
        for (format, body) in
            [(Format::Auto, &lines), (Format::JsonLines, &lines), (Format::Auto, &array), (Format::JsonArray, &array)]
        {
            assert_eq!(decode(format, body.as_bytes()), labelled(texts()));
        }
    }

    #[test]
    fn objects_as_agents_write_them_take_the_fast_way() {
        for text in texts() {
            let mut decoder = Decoder::new(Format::Auto, Keys::default(), None);
            let line = object(&text);
            let mut count = 0;
            let len = decoder.object(line.as_bytes(), true, &mut |found, _| count += usize::from(found == text));
            assert_eq!((len, count), (Some(line.len()), 1), "{line}");
        }
    }

    #[test]
    fn a_line_feed_that_docker_left_is_no_part_of_the_text() {
        assert_eq!(decode(Format::Auto, br#"{"log":"abc\n"}"#)[0].0, b"abc");
    }

    #[test]
    fn a_parsed_record_is_rebuilt_and_a_changed_field_is_not() {
        let text = &texts()[0];
        let mut value: serde_json::Value = serde_json::from_slice(text).expect("JSON");
        value["file"] = "/p".into();
        value["request_time"] = serde_json::json!(value["request_time"].as_f64().expect("a number"));
        let found = decode(Format::Auto, value.to_string().as_bytes());
        assert_eq!(found, [(text.clone(), Some(b"/p".to_vec()), None)]);
        value["status"] = 999.into();
        assert_ne!(decode(Format::Auto, value.to_string().as_bytes())[0].0, *text);
        value.as_object_mut().expect("an object").remove("status");
        assert_ne!(decode(Format::Auto, value.to_string().as_bytes())[0].0, *text);
    }

    #[test]
    fn what_cannot_be_read_is_handed_on_as_it_came() {
        assert_eq!(decode(Format::JsonLines, b"{\"log\":\"cut")[0].0, b"{\"log\":\"cut");
        assert_eq!(decode(Format::JsonArray, b"[{\"log\":\"a\"},{\"log\":\"cut")[1].0, b"{\"log\":\"cut");
        assert_eq!(decode(Format::Auto, b"{} trailing")[0].0, b"{} trailing");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut body in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\ \n".to_vec())], 0..300), start in 0usize..3) {
            body.splice(0..0, [&b""[..], b"[{", b"{\"log\":\""][start].iter().copied());
            for format in [Format::Auto, Format::Raw, Format::JsonLines, Format::JsonArray] {
                decode(format, &body);
            }
        }
    }
}
