//! `capacity`: the highest rate without loss, by search.

use std::{io::IsTerminal, path::Path, sync::Arc};

use anyhow::Context;
use dashboards::{
    capacity as shown,
    state::State,
    text::{status::status, table, units},
};
use results::event::{Event, What};
use scenarios::{
    capacity::{Ask, Progress, Rotation, run},
    library,
    live::{How, orders::Orders},
    plan::{Overrides, Plan},
    spec::units::{Rate, Span},
};

use super::{check::with_caret, run::fresh_seed, run::quoted};
use crate::{cli, interrupt, print, screen};

pub(crate) fn perform(args: &cli::Capacity) -> anyhow::Result<u8> {
    let overrides = Overrides { set: args.set.clone(), ..Overrides::default() };
    let source = library::find(&args.scenario).map_err(with_caret)?;
    let plan = Plan::settle(&source, &overrides).map_err(with_caret)?;
    let seed = args.seed.unwrap_or_else(fresh_seed);
    let ask = ask(args, seed)?;
    if let Some(path) = &args.svg {
        // Said before a search of minutes, and not after it.
        std::fs::OpenOptions::new().create(true).append(true).open(path).with_context(|| cannot_write(path))?;
    }
    let how = How {
        agent: args.agent.parse()?,
        defect: args.defect.as_deref().map(str::parse).transpose()?,
        seed,
        out: args.out.clone(),
        bench: std::env::current_exe().context("cannot find my own program, which children are started with")?,
        broken_off: Arc::clone(&interrupt::watch()?),
        keep: false,
        repeat: String::new(),
        orders: Orders::default(),
    };
    let mut lines = Lines { terminal: std::io::stderr().is_terminal(), ..Lines::default() };
    let document = run(&plan, &how, &ask, &mut |progress| lines.take(progress))?;
    let chart = shown::chart::chart(&document);
    let beside = Path::new(&document.folder).join("capacity.svg");
    for path in std::iter::once(&beside).chain(&args.svg) {
        std::fs::write(path, &chart).with_context(|| cannot_write(path))?;
    }
    if args.json {
        print::out(&format!("{}\n", serde_json::to_string(&document)?));
    } else {
        print::out(&shown::render(&document, screen::style()));
    }
    Ok(document.exit())
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}; name another file", path.display())
}

fn ask(args: &cli::Capacity, seed: u64) -> anyhow::Result<Ask> {
    let rate = |text: &Option<String>| text.as_deref().map(str::parse::<Rate>).transpose();
    let length: Span = args.length.parse().context("--length")?;
    anyhow::ensure!(
        length.0 >= 1_000_000,
        "--length: a trial shorter than a second shows nothing; give for example 10s"
    );
    let from = rate(&args.from).context("--from")?;
    let to = rate(&args.to).context("--to")?;
    anyhow::ensure!(from.is_none_or(|from| from.0 > 0.0), "--from: give a rate above 0, for example 5k/s");
    anyhow::ensure!(to.is_none_or(|to| to.0 > 0.0), "--to: give a rate above 0, for example 500k/s");
    Ok(Ask {
        length,
        from,
        to,
        latency_p99: args.latency_p99.as_deref().map(str::parse).transpose().context("--latency-p99")?,
        rotation: match (args.both, args.no_rotation) {
            (true, _) => Rotation::Both,
            (false, true) => Rotation::Without,
            (false, false) => Rotation::AsWritten,
        },
        out: args.out.clone(),
        repeat: repeat(args, seed),
    })
}

/// The command that searches again, with the same payloads.
fn repeat(args: &cli::Capacity, seed: u64) -> String {
    let (scenario, length) = (quoted(&args.scenario), quoted(&args.length));
    let mut words = vec![format!("tailproof capacity {scenario} --length {length} --seed {seed}")];
    let valued = [
        ("--agent", Some(&args.agent).filter(|agent| *agent != "builtin")),
        ("--defect", args.defect.as_ref()),
        ("--from", args.from.as_ref()),
        ("--to", args.to.as_ref()),
        ("--latency-p99", args.latency_p99.as_ref()),
    ];
    words.extend(valued.into_iter().filter_map(|(flag, value)| value.map(|value| format!("{flag} {}", quoted(value)))));
    words.extend(args.set.iter().map(|set| format!("--set {}", quoted(set))));
    words.extend(args.no_rotation.then(|| "--no-rotation".to_owned()));
    words.extend(args.both.then(|| "--both".to_owned()));
    if args.out != Path::new(cli::SEARCHES) {
        words.push(format!("--out {}", quoted(&args.out.display().to_string())));
    }
    words.join(" ")
}

/// Progress on standard error: a line a trial, and on a terminal what it is at meanwhile; everything at once for who asks.
#[derive(Default)]
struct Lines {
    terminal: bool,
    said: String,
    state: State,
}

impl Lines {
    fn take(&mut self, progress: &Progress<'_>) {
        if let Progress::Event(event) = progress {
            self.state.fold(event);
            if interrupt::status_was_asked() {
                print::err(&format!("{}{}\n{}", self.clear(), self.said, status(&self.state)));
            }
        }
        match progress {
            Progress::Begins { nth, per_s, full, rotation, left_s } => {
                let (kind, rotation) = (
                    if *full { "full" } else { "quick" },
                    if *rotation { "with rotation" } else { "without rotation" },
                );
                let left = shown::left(*left_s);
                self.said = format!("trial {nth:>2}  {}  {kind}, {rotation}, {left}", units::rate(*per_s));
                self.state = State::default();
                self.overwrite(&self.said);
            }
            Progress::Event(Event { t_us, what: What::Sample(_) }) => {
                self.overwrite(&format!("{}  {} s", self.said, t_us / 1_000_000));
            }
            Progress::Event(_) => {}
            Progress::Ends { nth, trial, left_s } => {
                let (line, left) = (shown::line(*nth, trial), shown::left(*left_s));
                print::err(&format!("{}{line}  ({left})\n", self.clear()));
            }
        }
    }

    /// What takes the standing line away.
    fn clear(&self) -> &'static str {
        if self.terminal { "\r\x1b[K" } else { "" }
    }

    /// The standing line of a terminal: cut to its width, for what wraps could not be taken away.
    fn overwrite(&self, text: &str) {
        if self.terminal {
            print::err(&format!("{}{}", self.clear(), table::fit(text, screen::width().saturating_sub(1))));
        }
    }
}
