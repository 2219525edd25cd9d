//! `dummy`: the same record over and over, for trying a configuration out.

use std::{sync::Arc, time::Duration};

use super::intake::Intake;
use crate::{
    config::{
        error::At,
        keys::{Keys, bad},
    },
    event::{Event, Fields, json},
    parse::time::Time,
};

pub(crate) const KEYS: &[&str] = &["Dummy", "Rate", "Samples", "Copies"];

/// A record, and how often it comes.
#[derive(Debug, Clone, PartialEq)]
pub struct DummyInput {
    /// Its tag.
    pub tag: Arc<str>,
    /// Its fields.
    pub fields: Fields,
    /// Times a second.
    pub rate: u64,
    /// How often in all; none: for ever.
    pub samples: Option<u64>,
    /// How many records each time.
    pub copies: u64,
}

pub(crate) fn plan(keys: &Keys<'_>, tag: Arc<str>) -> At<DummyInput> {
    let number = |text: &str| text.parse().ok().filter(|number| (1..=1_000_000).contains(number));
    let fields = match keys.get("Dummy") {
        None => json::object(br#"{"message":"dummy"}"#).expect("it is an object"),
        Some(entry) => json::object(entry.value.as_bytes())
            .ok_or_else(|| (entry.line, bad(entry, "a JSON object, as {\"message\":\"dummy\"}")))?,
    };
    let samples = keys.read("Samples", None, "a number, 0 for no end", |text| match text.parse() {
        Ok(0) => Some(None),
        Ok(number) => Some(Some(number)),
        Err(_) => None,
    })?;
    Ok(DummyInput {
        tag,
        fields,
        rate: keys.read("Rate", 1, "a number from 1 to 1000000", number)?,
        samples,
        copies: keys.read("Copies", 1, "a number from 1 to 1000000", number)?,
    })
}

pub(crate) async fn run(plan: DummyInput, intake: Intake) {
    let mut every = tokio::time::interval(Duration::from_nanos(1_000_000_000 / plan.rate));
    let mut left = plan.samples.unwrap_or(u64::MAX);
    while left > 0 {
        tokio::select! {
            () = intake.stopped() => return,
            _ = every.tick() => {}
        }
        tokio::select! {
            () = intake.stopped() => return,
            () = intake.room() => {}
        }
        let time = Time::from_unix_ns(intake.now().unix_ns);
        let event = || Event::new(time, plan.fields.clone());
        let _receipt = intake.push(&plan.tag, (0..plan.copies).map(|_| event()).collect());
        left -= 1;
    }
    intake.stopped().await;
}
