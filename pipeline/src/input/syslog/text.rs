//! One message becomes a record.

use std::sync::atomic::Ordering;

use super::SyslogInput;
use crate::{
    event::{Event, Fields, Value},
    input::{intake::Intake, listen::Peer},
    parse::{parser::Parser, time::Time},
};

/// Key of a message that could not be parsed.
const RAW: &str = "log";
/// The longest that records of one sender wait for others, bytes of text.
const PUSH_BYTES: usize = 256 << 10;

/// Makes records of messages and passes them on in batches; a task has its own.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    plan: &'a SyslogInput,
    intake: &'a Intake,
    parser: Parser,
    source: Option<Value>,
    now: Time,
    events: Vec<Event>,
    bytes: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(plan: &'a SyslogInput, intake: &'a Intake) -> Self {
        let (parser, now) = (Parser::new(plan.parser.clone()), Time::from_unix_ns(0));
        Self { plan, intake, parser, source: None, now, events: Vec::new(), bytes: 0 }
    }

    /// What follows comes from `peer`, over `scheme`.
    pub(super) fn from(&mut self, scheme: &str, peer: &Peer) {
        let address = |peer: &Peer| peer.address().map(|address| Value::text(format!("{scheme}://{address}")));
        self.source = self.plan.source_key.as_ref().and_then(|_| address(peer));
    }

    /// What follows came now.
    pub(super) fn begin(&mut self) {
        self.now = Time::from_unix_ns(self.intake.now().unix_ns);
    }

    /// Takes a message, of which its trailing LF, NUL and CR are no part; an empty one is none.
    pub(super) fn message(&mut self, text: &[u8]) {
        let end = text.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r' | 0)).map_or(0, |at| at + 1);
        let text = &text[..end];
        if text.is_empty() {
            return;
        }
        let (time, mut fields) = if let Some(parsed) = self.parser.parse(text, self.now) {
            (parsed.time.unwrap_or(self.now), parsed.fields)
        } else {
            self.malformed("a message that the parser does not understand is kept raw");
            let mut fields = Fields::default();
            fields.push(RAW, Value::text(text));
            (self.now, fields)
        };
        if let Some(key) = &self.plan.raw_key {
            fields.push(key, Value::text(text));
        }
        if let (Some(key), Some(source)) = (&self.plan.source_key, &self.source) {
            fields.push(key, source.clone());
        }
        self.bytes += text.len();
        self.events.push(Event::new(time, fields));
        if self.bytes >= PUSH_BYTES {
            self.push();
        }
    }

    /// Counts what is wrong with a message, and says so now and then.
    pub(super) fn malformed(&self, why: &'static str) {
        let times = self.intake.counters().malformed.fetch_add(1, Ordering::Relaxed) + 1;
        if times.is_power_of_two() {
            tracing::warn!(input = self.intake.name(), times, why, "syslog");
        }
    }

    /// Passes on what there is.
    pub(super) fn push(&mut self) {
        if !self.events.is_empty() {
            // Nobody waits for an answer.
            let _receipt = self.intake.push(&self.plan.tag, std::mem::take(&mut self.events));
        }
        self.bytes = 0;
    }
}
