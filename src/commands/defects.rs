//! `defects`: the bugs that can be planted in the builtin agent.

use ::pipeline::defects::ALL;

use crate::{exit, print};

pub(crate) fn perform() -> anyhow::Result<u8> {
    let mut text = String::new();
    for about in ALL {
        text.push_str(&format!(
            "{}\n  had by   {}\n  trigger  {}\n  effect   {}\n  caught   tailproof run {} --defect {}\n\n",
            about.id,
            about.ancestor,
            about.trigger,
            about.effect,
            about.scenarios.join(" "),
            about.id
        ));
    }
    print::out(&text);
    Ok(exit::PASS)
}
