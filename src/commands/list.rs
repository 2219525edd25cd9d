//! `list`: the shipped scenarios.

use scenarios::{
    library,
    plan::{Overrides, Plan},
};

use crate::{exit, print};

pub(crate) fn perform() -> anyhow::Result<u8> {
    let mut text = String::new();
    for (name, _) in library::ALL {
        let plan = Plan::settle(&library::find(name)?, &Overrides::default())?;
        text.push_str(&format!("{name:<22}  {}\n", plan.question));
    }
    text.push_str(
        "\nRun one: tailproof run NAME    See one: tailproof show NAME    Your own: tailproof run ./mine.toml\n",
    );
    print::out(&text);
    Ok(exit::PASS)
}
