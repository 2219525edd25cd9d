//! `[FILTER]` sections: the closed list of what happens to records on the way.

use super::{
    Section,
    error::{At, Problem},
    input::plugin,
    shared::Around,
};
use crate::filter::FilterPlan;

const PLUGINS: &[&str] = &[];

#[expect(unused_variables, reason = "there is no filter to build yet")]
pub(super) fn plan(section: &Section, index: usize, around: &Around<'_>) -> At<FilterPlan> {
    let plugin = plugin(section, "filter plugin", PLUGINS)?;
    Err((section.line, Problem::Refused { what: plugin.to_owned(), why: "there is no such filter" }))
}
