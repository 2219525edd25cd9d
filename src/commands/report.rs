//! `report`: a stored run again.

use std::path::Path;

use results::run::StoredRun;

use crate::{exit, print, screen};

pub(crate) fn perform(run: &Path, json: bool) -> anyhow::Result<u8> {
    let stored = StoredRun::open(run)?;
    let outcome = stored.outcome()?;
    if json {
        print::out(&format!("{}\n", serde_json::to_string(&outcome)?));
    } else {
        print::out(&screen::verdict(&outcome, &stored.contract()?));
    }
    Ok(exit::PASS)
}
