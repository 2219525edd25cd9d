//! Texts become fields without being taken apart: the encoder writes them as they stand.
//!
//! Of a JSON object only the pair that says the time is looked at, and cut out of the text unless it is to stay. Of what a
//! regular expression finds, the places are kept (parse/groups.rs).

use super::{
    Batch, Form, Record, Span,
    groups::Groups,
    json::{self, Inner},
    parser::ParserPlan,
    strptime::FormatReader,
};

/// A parser of texts at work.
#[derive(Debug)]
pub(super) enum Merge {
    Objects(Objects),
    Groups(Groups),
}

/// A JSON parser at work.
#[derive(Debug)]
pub(super) struct Objects {
    time: Option<TimePair>,
}

/// The pair that says the time.
#[derive(Debug)]
struct TimePair {
    /// Its key as JSON, with quotes.
    key: String,
    format: FormatReader,
    keep: bool,
}

impl Merge {
    pub(super) fn new(plan: &ParserPlan) -> Self {
        Groups::new(plan).map_or_else(|| Self::Objects(Objects::new(plan)), Self::Groups)
    }

    /// Merges what follows the format; how many records are malformed.
    pub(super) fn all(&mut self, batch: &mut Batch) -> u64 {
        match self {
            Self::Objects(objects) => objects.all(batch),
            Self::Groups(groups) => {
                groups.all(batch);
                0
            }
        }
    }
}

impl Objects {
    fn new(plan: &ParserPlan) -> Self {
        let time = plan.time.as_ref().and_then(|time| {
            let key = serde_json::to_string(str::from_utf8(&time.key).ok()?).ok()?;
            Some(TimePair { key, format: FormatReader::new(time.format.clone()?), keep: time.keep })
        });
        Self { time }
    }

    /// Merges what is an object; how many records are none.
    fn all(&mut self, batch: &mut Batch) -> u64 {
        let (mut records, mut joined) = (std::mem::take(&mut batch.records), std::mem::take(&mut batch.joined));
        let mut unparsed = 0;
        // Those of Docker's lines with further fields have theirs already.
        for record in records.iter_mut().filter(|record| record.form == Form::Text) {
            let mut cut = Vec::new();
            let text = if record.text.joined { &joined } else { &batch.bytes };
            let text = &text[record.text.start as usize..][..record.text.len as usize];
            let Some(inner) = json::inner(text, self.time.as_ref().map(|time| time.key.as_str())) else {
                unparsed += 1;
                continue;
            };
            if self.time.as_mut().is_some_and(|time| time.read(&inner, record)) {
                inner.without(&mut cut);
                record.text = Span::joined(joined.len(), cut.len());
            } else {
                let skip = inner.text.as_ptr() as usize - text.as_ptr() as usize;
                record.text.start += skip as u32;
                record.text.len = inner.text.len() as u32;
            }
            record.form = Form::Pairs;
            joined.extend_from_slice(&cut);
        }
        (batch.records, batch.joined) = (records, joined);
        unparsed
    }
}

impl TimePair {
    /// Reads the time, the first if there are several; whether its pairs are to go.
    fn read(&mut self, inner: &Inner<'_>, record: &mut Record) -> bool {
        let text = inner.pairs.first().and_then(|(_, value)| json::shown(value));
        let Some(time) = text.and_then(|text| self.format.read(&text, record.time)) else { return false };
        record.time = time;
        !self.keep
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use crate::{
        chunk::{Chunk, Source, SourceId},
        config::Config,
        event::json,
        output::escape::Escaper,
        parse::{Now, Parser},
    };

    /// What the lines become: seconds, and fields as JSON.
    fn run(keys: &str, lines: &str) -> Vec<(i64, String)> {
        let text = format!(
            "[INPUT]\nName tail\nPath /a\nParser own\n[OUTPUT]\nName null\nMatch *\n[PARSER]\nName own\nFormat json\n{keys}\n"
        );
        let plan = Config::parse(Path::new("x"), &text, &|_| None).unwrap().plan().unwrap();
        let tail = plan.inputs[0].tail().unwrap();
        assert!(tail.merge.is_some(), "not taken apart");
        let source = Source { id: SourceId(1), path: "/a".into(), tag: "t".into(), lineage: 1, base: 0 };
        let chunk = Chunk { source: Arc::new(source), offset: 0, bytes: lines.as_bytes().to_vec() };
        let mut out = Vec::new();
        Parser::new(0, tail).parse(chunk, Now { unix_ns: 5_000_000_000, mono_ms: 0 }, &mut out);
        let show = |event: crate::event::Event| {
            let mut text = Vec::new();
            json::write_object(&event.fields, &mut Escaper::default(), &mut text);
            (event.time.seconds, String::from_utf8(text).unwrap())
        };
        out.into_iter().flat_map(|batch| batch.into_events().events).map(show).collect()
    }

    #[test]
    fn the_time_is_taken_out_unless_it_is_none_or_is_to_stay() {
        let lines = concat!(
            r#"{"a":1,"time":"1970-01-01T00:00:07Z","b":{"time":2}}"#,
            "\n",
            r#"{"time":"soon","a":1}"#,
            "\n",
            r#"{"a":1}"#,
            "\nno json\n",
        );
        let format = "Time_Key time\nTime_Format %Y-%m-%dT%H:%M:%S%z";
        let rest = [(5, r#"{"time":"soon","a":1}"#), (5, r#"{"a":1}"#), (5, r#"{"log":"no json"}"#)];
        let rest = rest.map(|(seconds, text)| (seconds, text.to_owned()));
        let [first, others @ ..] = &run(format, lines)[..] else { panic!("nothing came") };
        assert_eq!((first.0, first.1.as_str()), (7, r#"{"a":1,"b":{"time":2}}"#));
        assert_eq!(others, rest);
        let kept = run(&format!("{format}\nTime_Keep on"), lines);
        assert_eq!((kept[0].0, kept[0].1.as_str()), (7, r#"{"a":1,"time":"1970-01-01T00:00:07Z","b":{"time":2}}"#));
        assert_eq!(kept[1..], rest);
    }

    #[test]
    fn a_number_is_a_time_as_well() {
        let lines = "{\"t\":12.5,\"a\":[1]}\n{\"a\":\"\\u0074\",\"t\":\"13\"}\n";
        let got = run("Time_Key t\nTime_Format %s.%L", lines);
        let expected = [(12, r#"{"a":[1]}"#), (13, r#"{"a":"t"}"#)];
        assert_eq!(got, expected.map(|(seconds, text)| (seconds, text.to_owned())));
    }

    #[test]
    fn of_several_times_the_first_counts_and_all_go() {
        let got = run("Time_Key t\nTime_Format %s", "{\"t\":\"7\",\"a\":1,\"t\":\"8\"}\n");
        assert_eq!(got, [(7, r#"{"a":1}"#.to_owned())]);
    }
}
