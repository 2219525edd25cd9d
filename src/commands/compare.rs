//! `compare`: what changed between two sides of runs. Decides nothing but exit 1 on a regression.

use std::path::PathBuf;

use dashboards::gate::{markdown, render};
use results::gate::{GateDocument, compare};

use super::{
    replicates::{distinct, facts, listed},
    report::write,
};
use crate::{cli, print, screen};

pub(crate) fn perform(args: &cli::Compare) -> anyhow::Result<u8> {
    let (base, new): (Vec<PathBuf>, Vec<PathBuf>) = match args.sides.as_slice() {
        [base, new] => (listed(base), listed(new)),
        _ => (args.base.clone(), args.new.clone()),
    };
    let (base, new) = (facts(&base)?, facts(&new)?);
    distinct(&[&base, &new])?;
    let document = GateDocument::of(vec![compare(&base, &new)?]);
    if let Some(path) = &args.markdown {
        write(path, &markdown(&document))?;
    }
    if args.json {
        print::out(&format!("{}\n", serde_json::to_string(&document)?));
    } else {
        print::out(&render(&document, screen::style()));
    }
    Ok(document.exit)
}
