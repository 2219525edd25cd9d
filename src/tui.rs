//! The dashboard's wires: what the terminal can show, what a run is about, and what a key does to it.

use std::{
    io::IsTerminal,
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::bail;
use clap::ValueEnum;
use dashboards::{
    state::Lengths,
    text::summary::Limits,
    tui::{
        about::About,
        act::Act,
        live::{Live, Order},
        look::{self, Look},
    },
};
use results::{contract::Contract, run::StoredRun};
use scenarios::{
    live::{How, orders},
    plan::Plan,
    spec::units::{Rate, Span},
};

use crate::{cli::Theme, interrupt, screen};

/// Frames a second at most, and over a connection from elsewhere.
const FRAMES: u8 = 10;
const FRAMES_AFAR: u8 = 5;

/// Shows the run of `plan` until [`Live::end`].
pub(crate) fn start(plan: &Plan, how: &How, theme: Option<Theme>) -> anyhow::Result<Live> {
    let about = About {
        scenario: plan.name.clone(),
        question: plan.question.clone(),
        agent: how.agent.name().to_owned(),
        defect: how.defect.map(|defect| defect.to_string()),
        seed: how.seed,
        rate: plan.rate().0,
        lengths: Lengths { warm_up_us: plan.warm_up.0, measure_us: plan.measure.0, drain_us: plan.drain.0 },
        limits: Limits::from(&plan.contract),
        stall_limit_us: plan.contract.stall_limit_us,
        repeat: how.repeat.clone(),
        folder: how.out.display().to_string(),
    };
    let (orders, broken_off): (_, Arc<AtomicBool>) = (how.orders.clone(), Arc::clone(&how.broken_off));
    let obey = move |order| match order {
        Order::Act(act) => orders.give(given(act)),
        Order::BreakOff => interrupt::ask(&broken_off),
    };
    Ok(Live::start(about, look(theme)?, obey)?)
}

/// What a stored run is about, as its manifest says.
pub(crate) fn about(run: &StoredRun) -> About {
    let manifest = &run.manifest;
    let text = |key: &str| manifest.settled.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
    let us = |key: &str| text(key).parse::<Span>().map_or(0, |span| span.0);
    let streams = manifest.settled.get("streams").and_then(serde_json::Value::as_array);
    let rate = |stream: &serde_json::Value| stream.get("rate")?.as_str()?.parse::<Rate>().ok();
    // What a manifest does not tell, or was changed to tell wrongly, is shown as unknown.
    let contract = run.contract().unwrap_or_else(|_| Contract::default());
    About {
        scenario: manifest.scenario.clone(),
        question: text("question").to_owned(),
        agent: manifest.agent.clone(),
        defect: manifest.defect.clone(),
        seed: manifest.seed,
        rate: streams.into_iter().flatten().filter_map(rate).map(|rate| rate.0).sum(),
        lengths: Lengths { warm_up_us: us("warm_up"), measure_us: us("measure"), drain_us: us("drain") },
        limits: Limits::from(&contract),
        stall_limit_us: contract.stall_limit_us,
        repeat: manifest.repeat.clone(),
        folder: run.path.display().to_string(),
    }
}

/// What the terminal can show.
#[expect(clippy::disallowed_methods, reason = "src/ is where the environment is read")]
pub(crate) fn look(asked: Option<Theme>) -> anyhow::Result<Look> {
    if !std::io::stderr().is_terminal() || !std::io::stdin().is_terminal() {
        bail!(
            "the dashboard needs a terminal at standard input and standard error; use --ui text, or `tailproof report RUN`"
        );
    }
    let far = ["SSH_CONNECTION", "SSH_TTY"].iter().any(|name| std::env::var(name).is_ok());
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    if dumb {
        bail!("TERM=dumb tells of a terminal that cannot place its cursor; use --ui text");
    }
    let theme = match (asked, std::env::var("TAILPROOF_THEME")) {
        (Some(theme), _) => theme,
        (None, Ok(name)) if !name.is_empty() => Theme::from_str(&name, true).map_err(|_| {
            anyhow::anyhow!("TAILPROOF_THEME is {name:?}; set it to auto, dark, light or mono, or unset it")
        })?,
        (None, _) => Theme::Auto,
    };
    Ok(Look {
        // Who names a theme wants colours, whatever NO_COLOR says for the rest.
        color: theme != Theme::Mono && (asked.is_some() || !screen::without_color()),
        theme: match theme {
            Theme::Auto | Theme::Mono => look::Theme::Auto,
            Theme::Dark => look::Theme::Dark,
            Theme::Light => look::Theme::Light,
        },
        unicode: screen::unicode(),
        frames_per_s: if far { FRAMES_AFAR } else { FRAMES },
    })
}

fn given(act: Act) -> orders::Order {
    match act {
        Act::PauseLoad => orders::Order::PauseLoad,
        Act::ResumeLoad => orders::Order::ResumeLoad,
        Act::ScaleLoad(times) => orders::Order::ScaleLoad(times),
        Act::Rotate => orders::Order::Rotate,
        Act::Archive => orders::Order::Archive,
        Act::Swap => orders::Order::Swap,
        Act::StopAgent => orders::Order::StopAgent,
        Act::ContinueAgent => orders::Order::ContinueAgent,
        Act::KillAgent => orders::Order::KillAgent,
        Act::RestartAgent => orders::Order::RestartAgent,
        Act::TakeSinkAway => orders::Order::TakeSinkAway,
        Act::BringSinkBack => orders::Order::BringSinkBack,
    }
}
