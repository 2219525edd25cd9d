//! Lines that belong together, by rules: a machine that is shown one text after the other and says where each belongs.
//!
//! ```text
//! [MULTILINE_PARSER]
//!     type  regex
//!     rule  "start_state"  "/^Exception/"   "trace"      a text that begins a record, and the state after it
//!     rule  "trace"        "/^\s+at /"      "trace"      one that goes on in this state
//! ```
//! `endswith` and `equal` say which text ends a record instead (Docker's LF, CRI's `F`). The machine holds no text:
//! whoever has the texts keeps those that wait, and lets them go when told so or when `flush_ms` is over.

use std::{collections::BTreeMap, sync::Arc};

use super::{parser::ParserPlan, pattern::Pattern};
use crate::event::Text;

mod built_in;
mod plan;

pub(crate) use built_in::built_in;
pub(crate) use plan::{KEYS, MANY, flush};

/// Rules, or a mark of the end.
#[derive(Debug, Clone, PartialEq)]
pub struct MultilinePlan {
    /// Its name.
    pub name: String,
    /// How it tells what belongs together.
    pub kind: MultilineKind,
    /// A record whose next text does not come within this time leaves, ms.
    pub flush_ms: u64,
    /// Parser that a text goes through first.
    pub parser: Option<Arc<ParserPlan>>,
    /// Field that holds the text.
    pub key_content: Option<Text>,
    /// Field that the mark of the end is looked for in; else the text itself.
    pub key_pattern: Option<Text>,
    /// Field that tells apart streams that are interleaved.
    pub key_group: Option<Text>,
}

impl MultilinePlan {
    /// A text that matches begins a record, all others go on: `Parser_Firstline`.
    pub(crate) fn first_line(name: &str, pattern: Pattern, flush_ms: u64) -> Self {
        let (name, kind) = (name.to_owned(), MultilineKind::First(pattern));
        Self { name, kind, flush_ms, parser: None, key_content: None, key_pattern: None, key_group: None }
    }
}

/// How it tells what belongs together.
#[derive(Debug, Clone, PartialEq)]
pub enum MultilineKind {
    /// States and what leads from one to the next.
    Rules(Vec<Rule>),
    /// The first text of a record matches; whatever follows goes on.
    First(Pattern),
    /// The last text of a record ends with this; not, if negated.
    EndsWith {
        /// The end.
        end: Text,
        /// Whether a text that ends otherwise is the last.
        negate: bool,
    },
    /// The last text of a record is this; not, if negated.
    Equal {
        /// The text.
        to: Text,
        /// Whether any other is the last.
        negate: bool,
    },
}

/// What leads from a state to the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// States in which it applies.
    pub from: Vec<u16>,
    /// What the text must match.
    pub pattern: Pattern,
    /// The state behind it.
    pub to: u16,
}

/// The state in which a record begins.
pub const START: u16 = 0;

/// Where a text belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// To what waits; more may follow.
    Joins,
    /// To what waits, which is whole with it.
    Ends,
    /// What waits is whole without it; this begins a record and waits.
    Begins,
    /// What waits is whole without it; so is this by itself.
    Alone,
}

/// Looks at one text after the other of one stream.
#[derive(Debug, Clone)]
pub struct Machine {
    plan: Arc<MultilinePlan>,
    /// Where it is, while something waits.
    state: Option<u16>,
}

impl Machine {
    /// A machine at which nothing waits.
    pub fn new(plan: Arc<MultilinePlan>) -> Self {
        Self { plan, state: None }
    }

    /// Its rules.
    pub fn plan(&self) -> &Arc<MultilinePlan> {
        &self.plan
    }

    /// Whether something waits.
    pub fn waits(&self) -> bool {
        self.state.is_some()
    }

    /// What waited has left.
    pub fn reset(&mut self) {
        self.state = None;
    }

    /// Where `text` belongs. `mark` is what the mark of the end is looked for in: the text, or the field of `key_pattern`.
    pub fn step(&mut self, text: &[u8], mark: &[u8]) -> Place {
        let ends = match &self.plan.kind {
            MultilineKind::Rules(rules) => {
                let (place, state) = follow(rules, self.state, text);
                self.state = state;
                return place;
            }
            MultilineKind::First(pattern) => {
                if pattern.is_match(text) {
                    self.state = Some(START);
                    return Place::Begins;
                }
                return if self.waits() { Place::Joins } else { Place::Alone };
            }
            MultilineKind::EndsWith { end, negate } => mark.ends_with(end) != *negate,
            MultilineKind::Equal { to, negate } => (mark == to) != *negate,
        };
        match (self.waits(), ends) {
            (true, true) => {
                self.state = None;
                Place::Ends
            }
            (true, false) => Place::Joins,
            (false, true) => Place::Alone,
            (false, false) => {
                self.state = Some(START);
                Place::Begins
            }
        }
    }
}

fn follow(rules: &[Rule], state: Option<u16>, text: &[u8]) -> (Place, Option<u16>) {
    let next = |state: u16| rules.iter().find(|rule| rule.from.contains(&state) && rule.pattern.is_match(text));
    if let Some(rule) = state.filter(|state| *state != START).and_then(next) {
        return (Place::Joins, Some(rule.to));
    }
    match next(START) {
        Some(rule) => (Place::Begins, Some(rule.to)),
        None => (Place::Alone, None),
    }
}

/// Several rules over one stream: the first that knows what to do with a text keeps it.
#[derive(Debug, Clone)]
pub struct Machines {
    machines: Vec<Machine>,
    /// The one at which something waits.
    current: Option<usize>,
}

impl Machines {
    /// Machines at which nothing waits.
    pub fn new(plans: &[Arc<MultilinePlan>]) -> Self {
        Self { machines: plans.iter().map(|plan| Machine::new(Arc::clone(plan))).collect(), current: None }
    }

    /// Whether something waits.
    pub fn waits(&self) -> bool {
        self.current.is_some()
    }

    /// What waited has left.
    pub fn reset(&mut self) {
        if let Some(current) = self.current.take() {
            self.machines[current].reset();
        }
    }

    /// As [`Machine::step`]; `mark` gives the text of the field that it is asked for.
    pub fn step<'t>(&mut self, text: &'t [u8], mark: impl Fn(&[u8]) -> Option<&'t [u8]>) -> Place {
        let of = |machine: &mut Machine| {
            let mark = match &machine.plan.key_pattern {
                None => Some(text),
                Some(key) => mark(key),
            };
            // Without the field there is nothing that could go on.
            mark.map_or(Place::Alone, |mark| machine.step(text, mark))
        };
        if let Some(current) = self.current {
            let place = of(&mut self.machines[current]);
            if matches!(place, Place::Joins | Place::Begins) {
                return place;
            }
            self.reset();
            if place == Place::Ends {
                return place;
            }
        }
        for (index, machine) in self.machines.iter_mut().enumerate() {
            if of(machine) == Place::Begins {
                self.current = Some(index);
                return Place::Begins;
            }
            machine.reset();
        }
        Place::Alone
    }

    /// The longest that something may wait, ms.
    pub fn flush_ms(&self) -> u64 {
        let one = |index: usize| self.machines[index].plan.flush_ms;
        self.current.map(one).or_else(|| self.machines.iter().map(|machine| machine.plan.flush_ms).max()).unwrap_or(0)
    }
}

/// Rules by name.
pub(crate) type Multilines = BTreeMap<String, Arc<MultilinePlan>>;

#[cfg(test)]
mod tests;
