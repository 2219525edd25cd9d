//! `rewrite_tag`: a record whose field matches a rule goes through all filters again under another tag.
//!
//! ```text
//! Rule  $vhost  ^(\w+)\.example$  site.$1.$TAG  true      field, expression, new tag, whether the original stays too
//! ```
//! The first rule that matches counts. What this filter sent through is not seen by it again; what several of them send
//! round more than [`PASSES_MAX`] times goes on under the tag that it has, counted and logged. Nothing waits here and
//! nothing is dropped: what is sent round counts against the memory of its input, which slows the input down.

use std::{collections::BTreeMap, sync::Arc, sync::atomic::Ordering};

use super::{Flow, words::words};
use crate::{
    config::{
        Entry,
        error::At,
        keys::{Keys, bad},
        value,
    },
    defects::Defect,
    event::{
        Event, Value,
        accessor::{Accessor, Template},
    },
    parse::{Batch, parser, pattern::Pattern},
};

pub(crate) const KEYS: &[&str] = &["Rule", "Emitter_Name", "Emitter_Storage.type", "Emitter_Mem_Buf_Limit"];
pub(crate) const MANY: &[&str] = &["Rule"];
const STORAGE: &[&str] = &["memory", "filesystem"];
/// Most times that a record is sent round.
pub const PASSES_MAX: u8 = 16;
/// Longest tag that is made, bytes.
const TAG_MAX: usize = 1024;

/// Which records get which tag.
#[derive(Debug, Clone, PartialEq)]
pub struct RewriteTagPlan {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq)]
struct Rule {
    key: Accessor,
    pattern: Pattern,
    tag: Template,
    keep: bool,
}

pub(crate) fn plan(keys: &Keys<'_>) -> At<RewriteTagPlan> {
    keys.need("Rule")?;
    // There is no emitter of its own: what it sends round stays with its input, in memory or on the disk as that is.
    keys.get("Emitter_Name");
    keys.word("Emitter_Storage.type", STORAGE)?;
    keys.bytes("Emitter_Mem_Buf_Limit", 10_000_000, 1_000, 64_000_000_000)?;
    Ok(RewriteTagPlan { rules: keys.all("Rule").map(rule).collect::<At<_>>()? })
}

fn rule(entry: &Entry) -> At<Rule> {
    let expected =
        || (entry.line, bad(entry, "field, expression, new tag, true or false, as $tool ^(a|b)$ from.$TAG false"));
    let [key, text, tag, keep] = <[String; 4]>::try_from(words(&entry.value)).map_err(|_| expected())?;
    Ok(Rule {
        key: Accessor::new(&key).ok_or_else(expected)?,
        pattern: parser::pattern(entry, &text)?,
        tag: Template::new(&tag).ok_or_else(expected)?,
        keep: value::boolean(&keep).ok_or_else(expected)?,
    })
}

/// Defect: an emitter of its own, which takes so many records in so many milliseconds and forgets the others.
#[derive(Debug, Default)]
struct Emitter {
    turn: u64,
    taken: usize,
}

const EMITTER_RECORDS: usize = 128;
const EMITTER_TURN_MS: u64 = 100;

impl Emitter {
    fn takes(&mut self, mono_ms: u64) -> bool {
        let turn = mono_ms / EMITTER_TURN_MS;
        if turn != self.turn {
            *self = Self { turn, taken: 0 };
        }
        self.taken += 1;
        self.taken <= EMITTER_RECORDS
    }
}

/// The filter at work.
#[derive(Debug)]
pub(super) struct RewriteTag {
    plan: RewriteTagPlan,
    emitter: Option<Emitter>,
    /// Its place among the filters.
    index: u16,
}

impl RewriteTag {
    pub(super) fn new(plan: RewriteTagPlan, index: usize) -> Self {
        Self { plan, emitter: None, index: index as u16 }
    }

    /// From now on it has the bug, if it is this one's.
    pub(super) fn plant(&mut self, defect: Defect) {
        self.emitter = (defect == Defect::EmitterOverlimitDrop).then(Emitter::default);
    }

    /// Whether this filter sent the batch round.
    pub(super) fn sent(&self, batch: &Batch) -> bool {
        batch.trip.sender == Some(self.index)
    }

    pub(super) fn apply(&mut self, mut batch: Batch, flow: &mut Flow<'_>) {
        if batch.trip.passes >= PASSES_MAX {
            if flow.fail(batch.len() as u64) {
                tracing::error!(filter = flow.name, tag = ?batch.tag, "sent round {PASSES_MAX} times; its rules make a circle, so it goes on as it is");
            }
            flow.on(batch);
            return;
        }
        let mut sent = Sent::default();
        let tag = Arc::clone(&batch.tag);
        let mut emitter = self.emitter.take();
        batch.events.retain(|event| {
            let Some((tag, keep)) = self.tag(event, &tag, flow) else { return true };
            let part = if keep { event.part(1) } else { event.id };
            if emitter.as_mut().is_none_or(|emitter| emitter.takes(flow.mono_ms)) {
                sent.push(&tag, Event { id: part, ..event.clone() });
            }
            flow.counters.added.fetch_add(u64::from(keep), Ordering::Relaxed);
            keep
        });
        self.emitter = emitter;
        for (tag, events) in sent.batches {
            let mut again = batch.derived(tag, events);
            again.trip.passes += 1;
            again.trip.sender = Some(self.index);
            flow.again.push(again);
        }
        flow.on(batch);
    }

    /// The new tag of a record, if a rule gives it one, and whether the record itself stays.
    fn tag(&self, event: &Event, tag: &str, flow: &Flow<'_>) -> Option<(String, bool)> {
        for rule in &self.plan.rules {
            let Some(text) = rule.key.get(&event.fields).and_then(Value::shown) else { continue };
            let Some(groups) = rule.pattern.captures(&text) else { continue };
            let group = |index| groups.get(index).map(|group| group.as_bytes());
            let mut new = Vec::new();
            rule.tag.render(tag, event, group, &mut new);
            let new = String::from_utf8(new).ok();
            let new = new.filter(|tag| !tag.is_empty() && tag.len() <= TAG_MAX && !tag.contains(char::is_control));
            if new.is_none() && flow.fail(1) {
                tracing::warn!(
                    filter = flow.name,
                    tag,
                    "the new tag would be empty, too long or no text; the record keeps its own"
                );
            }
            return new.map(|new| (new, rule.keep));
        }
        None
    }
}

/// What is sent round, by tag, in the order in which the tags came.
#[derive(Default)]
struct Sent {
    batches: Vec<(Arc<str>, Vec<Event>)>,
    places: BTreeMap<Arc<str>, usize>,
}

impl Sent {
    fn push(&mut self, tag: &str, event: Event) {
        let at = self.places.get(tag).copied().unwrap_or_else(|| {
            let tag: Arc<str> = tag.into();
            self.batches.push((Arc::clone(&tag), Vec::new()));
            self.places.insert(tag, self.batches.len() - 1);
            self.batches.len() - 1
        });
        self.batches[at].1.push(event);
    }
}

#[cfg(test)]
mod tests;
