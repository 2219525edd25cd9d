//! The answer in one sentence, and the promises with their limits that it is made of.

use results::{
    contract::Delivery,
    outcome::{Outcome, Verdict},
};

use super::{Limits, display, units};

/// A counted promise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Promise {
    /// Its name.
    pub(crate) name: &'static str,
    /// What was counted.
    pub(crate) value: u64,
    /// What is allowed; `None`: any number.
    pub(crate) limit: Option<u64>,
}

impl Promise {
    /// Whether it was broken.
    pub(crate) fn broken(&self) -> bool {
        self.limit.is_some_and(|limit| self.value > limit)
    }
}

/// The promises in the order of their weight.
pub(crate) fn promises(outcome: &Outcome, limits: &Limits) -> [Promise; 7] {
    let books = &outcome.books;
    [
        Promise { name: "lost", value: books.lost, limit: may_be_lost(outcome, limits) },
        Promise { name: "stalled", value: outcome.stalled_streams() as u64, limit: Some(0) },
        Promise { name: "duplicated", value: books.duplicated, limit: Some(books.duplicated_allowed) },
        Promise { name: "corrupted", value: books.corrupted, limit: Some(0) },
        Promise { name: "misattributed", value: books.misattributed, limit: Some(0) },
        Promise { name: "unexpected", value: books.unexpected, limit: Some(0) },
        Promise { name: "reordered", value: books.reordered, limit: limits.reordered },
    ]
}

/// How many records may be missing; `None`: any number. With several routes, those that are allowed to lose are.
fn may_be_lost(outcome: &Outcome, limits: &Limits) -> Option<u64> {
    let allowed = outcome.routes.iter().filter(|route| route.delivery == Delivery::AtMostOnce);
    let routes = allowed.clone().count();
    if routes > 0 {
        let lost = || allowed.fold(0u64, |sum, route| sum.saturating_add(route.books.lost));
        return (routes < outcome.routes.len()).then(lost);
    }
    // A judge that passed a run has allowed the losses it counted, whatever contract is assumed here.
    limits.lost.filter(|_| outcome.verdict != Verdict::Pass || outcome.books.lost == 0)
}

/// One sentence without a full stop.
pub(crate) fn answer(outcome: &Outcome, limits: &Limits) -> String {
    match outcome.verdict {
        Verdict::Pass => passed(outcome),
        Verdict::Fail => failed(outcome, limits),
        Verdict::Unknown => unknown(outcome),
    }
}

fn passed(outcome: &Outcome) -> String {
    let books = &outcome.books;
    let on = on_routes(outcome);
    let arrived = if books.lost == 0 {
        format!("all {} records arrived{on}", units::count(books.expected))
    } else {
        let lost = units::count(books.lost);
        format!(
            "{} of {} records arrived{on}, {lost} lost as allowed",
            units::count(books.delivered),
            units::count(books.expected)
        )
    };
    let dropped = match books.to_drop {
        0 => String::new(),
        n => format!(", {} dropped as it must be", units::count(n)),
    };
    let arrived = arrived + &dropped;
    match books.duplicated {
        0 => arrived,
        n => format!("{arrived}, {} as allowed", units::counted(n, "duplicate")),
    }
}

/// Deliveries of several routes are counted together: say so.
pub(crate) fn on_routes(outcome: &Outcome) -> String {
    match outcome.routes.len() {
        0 => String::new(),
        n => format!(" on {n} routes"),
    }
}

fn failed(outcome: &Outcome, limits: &Limits) -> String {
    let (expected, on) = (units::count(outcome.books.expected), on_routes(outcome));
    let say = |promise: &Promise| {
        let value = units::count(promise.value);
        match (promise.name, promise.limit) {
            ("lost", _) => format!("{value} of {expected} records lost{on}"),
            ("stalled", _) => format!("{} stalled", units::counted(promise.value, "stream")),
            (name, Some(limit)) if limit > 0 => format!("{value} {name} ({} allowed)", units::count(limit)),
            (name, _) => format!("{value} {name}"),
        }
    };
    let broken: Vec<String> = promises(outcome, limits).iter().filter(|p| p.broken()).map(say).collect();
    let late = limits.p99_ms.filter(|limit| outcome.latency_ms.p99 > *limit);
    let late = late.map(|limit| {
        format!("p99 delivery {} (limit {})", units::millis(outcome.latency_ms.p99), units::millis(limit))
    });
    let said: Vec<String> = broken.into_iter().chain(late).collect();
    match (said.is_empty(), outcome.findings.first()) {
        (false, _) => said.join(", "),
        (true, Some(finding)) => display(finding).into_owned(),
        (true, None) => "a promise was broken".to_owned(),
    }
}

fn unknown(outcome: &Outcome) -> String {
    let why = outcome.unknown_because.first().map(|why| display(why).into_owned());
    match (outcome.broken_off, why) {
        (true, Some(why)) => format!("broken off: {why}"),
        (true, None) => "broken off before it was complete".to_owned(),
        (false, Some(why)) => format!("proves nothing: {why}"),
        (false, None) => "proves nothing".to_owned(),
    }
}
