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

pub(crate) const KEYS: &[&str] = &[
    "Dummy",
    "Rate",
    "Interval_Sec",
    "Interval_NSec",
    "Samples",
    "Copies",
    "Flush_on_startup",
    "Start_time_sec",
    "Start_time_nsec",
    "Fixed_timestamp",
];

const NS: u64 = 1_000_000_000;

/// A record, and how often it comes.
#[derive(Debug, Clone, PartialEq)]
pub struct DummyInput {
    /// Its tag.
    pub tag: Arc<str>,
    /// Its fields.
    pub fields: Fields,
    /// From one time to the next, ns.
    pub every_ns: u64,
    /// The first comes at once, not after an interval.
    pub at_once: bool,
    /// How often in all; none: for ever.
    pub samples: Option<u64>,
    /// How many records each time.
    pub copies: u64,
    /// The time of the first record, ns since 1970; none: that of the clock.
    pub start_ns: Option<i64>,
    /// All records have the time of the first.
    pub fixed: bool,
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
    let count = |key| keys.read(key, 0, "a number from 0 to 1000000000", |text| text.parse().ok().filter(|n| *n <= NS));
    let interval_ns = count("Interval_Sec")?.saturating_mul(NS).saturating_add(count("Interval_NSec")?);
    let rate = keys.read("Rate", 1, "a number from 1 to 1000000", number)?;
    let start = |key| {
        keys.read(key, None, "a number, or -1 for the time of the clock", |text| match text.parse::<i64>().ok()? {
            -1 => Some(None),
            number => (0..=i64::MAX / NS as i64).contains(&number).then_some(Some(number)),
        })
    };
    let start_ns = match (start("Start_time_sec")?, start("Start_time_nsec")?) {
        (None, None) => None,
        (seconds, nanos) => Some((seconds.unwrap_or(0) * NS as i64).saturating_add(nanos.unwrap_or(0))),
    };
    Ok(DummyInput {
        tag,
        fields,
        every_ns: if interval_ns > 0 { interval_ns } else { NS / rate },
        at_once: keys.boolean("Flush_on_startup", false)?,
        samples,
        copies: keys.read("Copies", 1, "a number from 1 to 1000000", number)?,
        start_ns,
        fixed: keys.boolean("Fixed_timestamp", false)?,
    })
}

pub(crate) async fn run(plan: DummyInput, intake: Intake) {
    let mut every = tokio::time::interval(Duration::from_nanos(plan.every_ns));
    if !plan.at_once {
        every.tick().await;
    }
    let began_ns = intake.now().unix_ns;
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
        let since_ns = if plan.fixed { 0 } else { intake.now().unix_ns - began_ns };
        let time = Time::from_unix_ns(plan.start_ns.unwrap_or(began_ns).saturating_add(since_ns));
        let event = || Event::new(time, plan.fields.clone());
        let _receipt = intake.push(&plan.tag, (0..plan.copies).map(|_| event()).collect());
        left -= 1;
    }
    intake.stopped().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Config, plan::InputKind},
        input::tests::{Around, within},
    };

    fn plan(keys: &str) -> Result<DummyInput, String> {
        let text = format!("[INPUT]\nName dummy\n{keys}\n[OUTPUT]\nName null\nMatch *\n");
        let config = Config::parse(std::path::Path::new("x"), &text, &|_| None).map_err(|error| error.to_string())?;
        let mut plan = config.plan().map_err(|error| error.to_string())?;
        match plan.inputs.remove(0).from {
            InputKind::Dummy(plan) => Ok(*plan),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_interval_counts_before_a_rate() {
        let every_ns = |keys| plan(keys).unwrap().every_ns;
        assert_eq!((every_ns(""), every_ns("Rate 4")), (1_000_000_000, 250_000_000));
        assert_eq!(every_ns("Rate 4\nInterval_Sec 2\nInterval_NSec 5"), 2_000_000_005);
        assert_eq!(every_ns("Interval_NSec 7"), 7);
        assert!(plan("Interval_Sec -1").unwrap_err().contains("Interval_Sec"));
        assert!(plan("Start_time_sec soon").unwrap_err().contains("Start_time_sec"));
    }

    #[tokio::test]
    async fn the_first_comes_after_an_interval_or_at_once_and_times_begin_where_they_are_told_to() {
        let around = Around::new();
        let times = "Start_time_sec 100\nStart_time_nsec 5\nFixed_timestamp on";
        let at_once = plan(&format!("Interval_Sec 3600\nFlush_on_startup on\nCopies 2\n{times}")).unwrap();
        let later = plan("Interval_Sec 3600").unwrap();
        let (first, second) = (run(at_once, around.intake.clone()), run(later, around.intake.clone()));
        let looks = async {
            let seen = around.take(2).await;
            assert!(seen.iter().all(|(_, event)| event.time == Time { seconds: 100, nanos: 5 }), "{seen:?}");
            assert!(around.is_quiet().await);
            around.stop();
        };
        within(async { tokio::join!(first, second, looks) }).await;
    }
}
