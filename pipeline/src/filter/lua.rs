//! `lua`: each record through a function of a Lua 5.1 script.
//!
//! ```text
//! function NAME(tag, timestamp, record)          code  -1 drop the record     0 leave it as it is
//!   return code, timestamp, record               code   1 take both           2 take the record, keep the time
//! end                                            several records: return a table of tables
//! ```
//! A script gets so many instructions a record and so much memory. One that needs more, or fails, is stopped: the record
//! passes as it was, counted and logged. Nothing that blocks or ends the process can be called; a pattern match of
//! Lua's own string library is the one thing that cannot be stopped half way.

use std::sync::atomic::Ordering;

use super::Flow;
use crate::{
    config::{
        error::{At, Problem},
        keys::{Keys, bad},
        shared::Around,
    },
    event::{Event, Text},
    parse::{Batch, time::Time},
};

mod convert;
mod script;

use script::{Returned, Script};

pub(crate) const KEYS: &[&str] =
    &["Script", "Code", "Call", "type_int_key", "type_array_key", "protected_mode", "time_as_table", "enable_flb_null"];
/// Longest script, bytes.
const SCRIPT_MAX: u64 = 1 << 20;

/// Which script, and how values are handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LuaPlan {
    /// Where it comes from, for messages.
    origin: String,
    code: Vec<u8>,
    call: String,
    int_keys: Vec<Text>,
    array_keys: Vec<Text>,
    time_as_table: bool,
    nulls: bool,
}

pub(crate) fn plan(keys: &Keys<'_>, around: &Around<'_>) -> At<LuaPlan> {
    let list = |key| {
        let words = keys.text(key).unwrap_or_default();
        words.split_whitespace().map(|word| word.as_bytes().to_vec()).collect()
    };
    if !keys.boolean("protected_mode", true)? {
        let why = "an error would end the process; leave it on, errors are counted and logged";
        return Err((
            keys.need("protected_mode")?.line,
            Problem::Refused { what: "protected_mode off".to_owned(), why },
        ));
    }
    let (entry, origin, code) = match (keys.get("Script"), keys.get("Code")) {
        (Some(_), Some(entry)) => {
            return Err((entry.line, Problem::Contradiction("both `Script` and `Code` give the script; keep one")));
        }
        (None, Some(entry)) => (entry, "Code".to_owned(), entry.value.clone().into_bytes()),
        _ => {
            let entry = keys.need("Script")?;
            let path = around.folder(entry.line).join(&entry.value);
            let fail = |error| (entry.line, Problem::Unreadable(error));
            if std::fs::metadata(&path).map_err(fail)?.len() > SCRIPT_MAX {
                return Err((entry.line, bad(entry, "a script of at most 1 MiB")));
            }
            (entry, entry.value.clone(), std::fs::read(&path).map_err(fail)?)
        }
    };
    let plan = LuaPlan {
        origin,
        code,
        call: keys.need("Call")?.value.clone(),
        int_keys: list("type_int_key"),
        array_keys: list("type_array_key"),
        time_as_table: keys.boolean("time_as_table", false)?,
        nulls: keys.boolean("enable_flb_null", false)?,
    };
    match Script::load(&plan) {
        Ok(_) => Ok(plan),
        Err(reason) => Err((entry.line, Problem::Script(reason))),
    }
}

/// The filter at work.
#[derive(Debug)]
pub(super) struct Lua {
    script: Script,
}

impl Lua {
    pub(super) fn new(plan: &LuaPlan) -> Result<Self, String> {
        Ok(Self { script: Script::load(plan)? })
    }

    pub(super) fn apply(&mut self, mut batch: Batch, flow: &mut Flow<'_>) {
        let events = std::mem::take(&mut batch.events);
        let before = events.len() as u64;
        batch.events.reserve(events.len());
        for event in events {
            match self.script.call(&batch.tag, &event) {
                Ok(returned) => Self::take(event, returned, &mut batch, flow),
                Err(reason) => {
                    if flow.fail(1) {
                        tracing::warn!(
                            filter = flow.name,
                            reason,
                            "the script failed; the record passes as it was, further failures are counted"
                        );
                    }
                    batch.events.push(event);
                }
            }
        }
        let after = batch.events.len() as u64;
        flow.counters.added.fetch_add(after.saturating_sub(before), Ordering::Relaxed);
        flow.on(batch);
    }

    fn take(event: Event, returned: Returned, batch: &mut Batch, flow: &Flow<'_>) {
        match returned {
            Returned::Drop => flow.drop(1),
            Returned::Same => batch.events.push(event),
            Returned::Records(time, records) => {
                let time: Time = time.unwrap_or(event.time);
                let records = records.into_iter().enumerate();
                batch.events.extend(records.map(|(n, fields)| Event { time, fields, id: event.part(n as u64) }));
            }
        }
    }
}

#[cfg(test)]
mod tests;
