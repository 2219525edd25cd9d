//! `show`: a scenario as written, and as it is meant once every default is settled.

use scenarios::{
    library,
    plan::{Overrides, Plan},
};

use super::check::with_caret;
use crate::{exit, print};

pub(crate) fn perform(scenario: &str) -> anyhow::Result<u8> {
    let source = library::find(scenario).map_err(with_caret)?;
    let plan = Plan::settle(&source, &Overrides::default()).map_err(with_caret)?;
    let settled = serde_json::to_string_pretty(&plan)?;
    // As comments, so that what is shown is a scenario file itself.
    let settled: String = settled.lines().map(|line| format!("# {line}\n")).collect();
    print::out(&format!("{}\n# as meant, with every default settled:\n{settled}", source.text));
    Ok(exit::PASS)
}
