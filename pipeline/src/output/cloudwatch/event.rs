//! Records into events, events into calls that the store takes.

use std::io::Write;

use super::{Batch, CloudWatchPlan, Item};
use crate::output::{
    encode::{Encoder, Layout},
    escape::Escaper,
    plan::{DateFormat, RecordFormat},
};

/// What the store counts for each event beside its text, bytes.
const OVERHEAD: usize = 26;

/// What one call may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one event's text.
    pub event: usize,
    /// Bytes of all, counted as the store does.
    pub bytes: usize,
    /// Events.
    pub events: usize,
    /// From the first event to the last, ms.
    pub span_ms: i64,
}

/// One event.
#[derive(Debug, Clone)]
pub(super) struct Event {
    /// ms since 1970.
    pub(super) at_ms: i64,
    pub(super) text: String,
    item: Item,
}

/// The events of one call, by time.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) events: Vec<Event>,
}

impl Call {
    pub(super) fn items(&self) -> impl Iterator<Item = (&Batch, usize)> {
        self.events.iter().map(|event| (&*event.item.0, event.item.1 as usize))
    }

    pub(super) fn halves(mut self) -> (Self, Self) {
        let second = self.events.split_off(self.events.len() / 2);
        (self, Self { events: second })
    }
}

/// Makes events.
pub(super) struct Renderer {
    encoder: Encoder,
    scratch: Vec<u8>,
    /// The batch that was begun.
    begun: Option<std::sync::Arc<Batch>>,
}

impl Renderer {
    pub(super) fn new(_plan: &CloudWatchPlan) -> Self {
        let format = RecordFormat { date_key: None, date: DateFormat::Double };
        Self { encoder: Encoder::new(format, Layout::Stream), scratch: Vec::new(), begun: None }
    }

    /// The event of a record with its group and stream, or why there can be none.
    pub(super) fn render(
        &mut self,
        plan: &CloudWatchPlan,
        batch: &std::sync::Arc<Batch>,
        index: usize,
    ) -> Result<((String, String), Event), &'static str> {
        let needs_fields = plan.group.needs_fields() || plan.stream.needs_fields() || plan.log_key.is_some();
        let event = needs_fields.then(|| batch.event(index));
        let fields = event.as_ref().map(|event| &event.fields);
        let group = plan.group.name(&batch.tag, fields).ok_or("no name for its group; complete log_group_template")?;
        let stream =
            plan.stream.name(&batch.tag, fields).ok_or("no name for its stream; complete log_stream_template")?;
        let text = if let (Some(key), Some(fields)) = (&plan.log_key, fields) {
            let value = fields.get(key).ok_or("the record lacks log_key")?;
            if let Some(text) = value.as_bytes() {
                String::from_utf8_lossy(text).into_owned()
            } else {
                self.scratch.clear();
                crate::event::json::write(value, &mut Escaper::default(), &mut self.scratch);
                String::from_utf8_lossy(&self.scratch).into_owned()
            }
        } else {
            if !self.begun.as_ref().is_some_and(|begun| std::sync::Arc::ptr_eq(begun, batch)) {
                self.encoder.begin(batch);
                self.begun = Some(std::sync::Arc::clone(batch));
            }
            self.scratch.clear();
            self.encoder.one(batch, index, &mut self.scratch);
            String::from_utf8_lossy(&self.scratch).into_owned()
        };
        if text.is_empty() {
            return Err("the store takes no empty text");
        }
        if text.len() > plan.limits.event {
            return Err("the text is longer than Event_Max_Size");
        }
        let time = batch.time(index);
        let at_ms = time.seconds * 1_000 + i64::from(time.nanos / 1_000_000);
        Ok(((group, stream), Event { at_ms, text, item: (std::sync::Arc::clone(batch), index as u32) }))
    }
}

/// Events in calls: by time, those of one time in their order.
pub(super) fn calls(mut events: Vec<Event>, limits: &Limits) -> Vec<Call> {
    events.sort_by_key(|event| event.at_ms);
    let mut calls: Vec<Call> = Vec::new();
    let mut bytes = 0;
    for event in events {
        let weight = event.text.len() + OVERHEAD;
        let fits = calls.last().is_some_and(|call| {
            let first = call.events.first().map_or(event.at_ms, |first| first.at_ms);
            call.events.len() < limits.events && bytes + weight <= limits.bytes && event.at_ms - first < limits.span_ms
        });
        if !fits {
            calls.push(Call { events: Vec::new() });
            bytes = 0;
        }
        bytes += weight;
        calls.last_mut().expect("there is one").events.push(event);
    }
    calls
}

/// The body of a call.
pub(super) fn body(group: &str, stream: &str, events: &[Event], token: Option<&str>) -> Vec<u8> {
    let mut escaper = Escaper::default();
    let mut out = Vec::with_capacity(events.iter().map(|event| event.text.len() * 9 / 8 + 64).sum::<usize>() + 256);
    let mut text = |before: &str, text: &str, out: &mut Vec<u8>| {
        out.extend_from_slice(before.as_bytes());
        escaper.escape(text.as_bytes(), out);
        out.push(b'"');
    };
    text("{\"logGroupName\":\"", group, &mut out);
    text(",\"logStreamName\":\"", stream, &mut out);
    if let Some(token) = token {
        text(",\"sequenceToken\":\"", token, &mut out);
    }
    out.extend_from_slice(b",\"logEvents\":[");
    for (index, event) in events.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(out, "{comma}{{\"timestamp\":{}", event.at_ms).expect("memory takes every byte");
        text(",\"message\":\"", &event.text, &mut out);
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::buffer::tests::batch;

    proptest! {
        #[test]
        fn no_call_breaks_a_limit_and_no_event_is_left_out(
            events in proptest::collection::vec((0i64..200_000, 1usize..300), 0..200),
        ) {
            let item = (Arc::new(batch("t", 100)), 0);
            let of = |&(at_ms, len): &(i64, usize)| Event { at_ms, text: "x".repeat(len), item: item.clone() };
            let limits = Limits { event: 300, bytes: 1_000, events: 7, span_ms: 50_000 };
            let calls = calls(events.iter().map(of).collect(), &limits);
            let mut all: Vec<(i64, usize)> = Vec::new();
            for call in &calls {
                let times: Vec<i64> = call.events.iter().map(|event| event.at_ms).collect();
                prop_assert!(times.is_sorted() && !times.is_empty() && times.len() <= 7);
                prop_assert!(times.last().unwrap() - times[0] < 50_000);
                prop_assert!(call.events.iter().map(|event| event.text.len() + 26).sum::<usize>() <= 1_000);
                all.extend(call.events.iter().map(|event| (event.at_ms, event.text.len())));
            }
            let mut expected = events;
            expected.sort_by_key(|event| event.0);
            prop_assert_eq!(all, expected);
        }
    }
}
