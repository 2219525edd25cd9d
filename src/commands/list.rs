//! `list`: the shipped scenarios.

use scenarios::{
    library,
    plan::{Overrides, Plan},
};

use dashboards::text::table::wrap;

use crate::{exit, print, screen};

/// Columns of the names and the gap after them.
const NAMES: usize = 24;

pub(crate) fn perform(json: bool) -> anyhow::Result<u8> {
    if json {
        return as_json();
    }
    let mut text = String::new();
    for (name, _) in library::ALL {
        let plan = Plan::settle(&library::find(name)?, &Overrides::default())?;
        let room = screen::style().width.saturating_sub(NAMES).max(20);
        for (at, line) in wrap(&plan.question, room).into_iter().enumerate() {
            let name = if at == 0 { name } else { &"" };
            text.push_str(format!("{name:<22}  {line}").trim_end());
            text.push('\n');
        }
    }
    text.push_str(
        "\nRun one: tailproof run NAME      See one: tailproof show NAME\nRun yours: tailproof run ./mine.toml\n",
    );
    print::out(&text);
    Ok(exit::PASS)
}

/// One document: what each is called, what it asks, how fast and how long it is.
fn as_json() -> anyhow::Result<u8> {
    let about = |(name, _): &(&str, &str)| -> anyhow::Result<serde_json::Value> {
        let plan = Plan::settle(&library::find(name)?, &Overrides::default())?;
        Ok(serde_json::json!({
            "name": name,
            "question": plan.question,
            "rate_per_s": plan.rate().0,
            "streams": plan.streams.len(),
            "seconds": plan.warm_up.seconds() + plan.measure.seconds(),
        }))
    };
    let all = library::ALL.iter().map(about).collect::<anyhow::Result<Vec<_>>>()?;
    print::out(&format!("{}\n", serde_json::to_string(&all)?));
    Ok(exit::PASS)
}
