//! `stdin`: a record a line from standard input: a JSON object, or whatever a parser makes of it.
//!
//! A line that is neither is kept as text under `log` and counted. What has been read cannot be read again: it is lost if the
//! process is killed before the outputs have taken it. At the end of the input the pipeline delivers what it has and
//! ends, as if it had been told to stop.

use std::{
    io::Read,
    sync::{Arc, atomic::Ordering},
};

use tokio::sync::mpsc;

use super::intake::Intake;
use crate::{
    config::{error::At, keys::Keys, shared::Around},
    event::{Event, Fields, Value, json},
    parse::{
        parser::{Parser, ParserPlan, parser_named},
        time::Time,
    },
};

pub(crate) const KEYS: &[&str] = &["Parser", "Buffer_Size"];

/// Key of a line that could not be parsed.
const RAW: &str = "log";

/// How lines are read.
#[derive(Debug, Clone, PartialEq)]
pub struct StdinInput {
    /// The tag of the records.
    pub tag: Arc<str>,
    /// What makes fields of a line; else it is JSON.
    pub parser: Option<Arc<ParserPlan>>,
    /// Longest line, and most bytes of one read.
    pub line_max: usize,
}

pub(crate) fn plan(keys: &Keys<'_>, tag: Arc<str>, around: &Around<'_>) -> At<StdinInput> {
    let parser = keys.get("Parser").map(|entry| parser_named(&around.parsers, entry, &entry.value)).transpose()?;
    let line_max = keys.bytes("Buffer_Size", 256_000, 1_000, 64_000_000)? as usize;
    Ok(StdinInput { tag, parser, line_max })
}

pub(crate) async fn run(plan: StdinInput, intake: Intake) {
    // A read of a terminal or a pipe cannot be broken off: its thread is left behind at the end.
    let (send, pieces) = mpsc::channel(1);
    let size = plan.line_max;
    let thread = std::thread::Builder::new().name("stdin".to_owned());
    let reading = thread.spawn(move || {
        let mut from = std::io::stdin().lock();
        loop {
            let mut piece = vec![0; size.min(64 << 10)];
            match from.read(&mut piece) {
                Ok(0) => return,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return tracing::error!(%error, "standard input cannot be read any more"),
                Ok(n) => {
                    piece.truncate(n);
                    if send.blocking_send(piece).is_err() {
                        return;
                    }
                }
            }
        }
    });
    match reading {
        Ok(_) => {
            lines(&plan, pieces, &intake).await;
            tracing::info!(input = intake.name(), "standard input has ended");
            intake.end();
        }
        Err(error) => tracing::error!(input = intake.name(), %error, "standard input cannot be read"),
    }
    intake.stopped().await;
}

/// Makes records of pieces of lines until there are no more, or the intake says stop.
async fn lines(plan: &StdinInput, mut pieces: mpsc::Receiver<Vec<u8>>, intake: &Intake) {
    let mut parser = plan.parser.clone().map(Parser::new);
    let mut rest = Vec::new();
    // Within a line that is too long.
    let mut skipping = false;
    loop {
        let piece = tokio::select! {
            biased;
            () = intake.stopped() => None,
            piece = async { intake.room().await; pieces.recv().await } => piece,
        };
        let Some(piece) = piece else { break };
        intake.counters().bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
        rest.extend_from_slice(&piece);
        let now = Time::from_unix_ns(intake.now().unix_ns);
        let mut events = Vec::new();
        let whole = memchr::memrchr(b'\n', &rest).map_or(0, |at| at + 1);
        for line in rest[..whole].split_inclusive(|byte| *byte == b'\n') {
            if !std::mem::take(&mut skipping) {
                events.extend(record(line, parser.as_mut(), now, intake));
            }
        }
        rest.drain(..whole);
        if rest.len() > plan.line_max {
            if !skipping {
                intake.counters().malformed.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(
                    input = intake.name(),
                    most = plan.line_max,
                    "a line is longer than Buffer_Size: it is cut"
                );
                rest.truncate(plan.line_max);
                events.extend(record(&rest, parser.as_mut(), now, intake));
            }
            skipping = true;
            rest.clear();
        }
        push(plan, events, intake);
    }
    if !skipping {
        let now = Time::from_unix_ns(intake.now().unix_ns);
        push(plan, record(&rest, parser.as_mut(), now, intake).into_iter().collect(), intake);
    }
}

fn push(plan: &StdinInput, events: Vec<Event>, intake: &Intake) {
    if !events.is_empty() {
        // Nobody waits for an answer.
        let _receipt = intake.push(&plan.tag, events);
    }
}

fn record(line: &[u8], parser: Option<&mut Parser>, now: Time, intake: &Intake) -> Option<Event> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return None;
    }
    let parsed = match parser {
        Some(parser) => parser.parse(line, now).map(|parsed| (parsed.time.unwrap_or(now), parsed.fields)),
        None => json::object(line).map(|fields| (now, fields)),
    };
    let (time, fields) = parsed.unwrap_or_else(|| {
        intake.counters().malformed.fetch_add(1, Ordering::Relaxed);
        let mut fields = Fields::default();
        fields.push(RAW, Value::text(line));
        (now, fields)
    });
    Some(Event::new(time, fields))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::tests::Around as Test;

    #[tokio::test]
    async fn lines_in_any_pieces_become_records_and_long_ones_are_cut() {
        let around = Test::new();
        let plan = StdinInput { tag: "in".into(), parser: None, line_max: 20 };
        let (send, pieces) = mpsc::channel(100);
        let text = b"{\"a\":1}\nhello\r\n\n0123456789012345678901234567890\n{\"b\":2}";
        for piece in text.chunks(3) {
            send.try_send(piece.to_vec()).unwrap();
        }
        drop(send);
        lines(&plan, pieces, &around.intake).await;
        let texts: Vec<_> = around.take(4).await.into_iter().map(|(_, event)| event.fields.0[0].clone()).collect();
        let text = |key: &str, value: Value| (key.as_bytes().to_vec(), value);
        assert_eq!(texts[..2], [text("a", Value::Int(1)), text("log", Value::text("hello"))]);
        assert_eq!(texts[2], text("log", Value::text("01234567890123456789")));
        assert_eq!(texts[3], text("b", Value::Int(2)));
        assert_eq!(around.intake.counters().malformed.load(Ordering::Relaxed), 3);
    }
}
