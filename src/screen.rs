//! A run on the screen: one live line on a terminal, plain lines elsewhere, the verdict at the end.
//!
//! Progress goes to standard error, the verdict to standard output, so that either can be piped away.

use std::io::IsTerminal;

use dashboards::{
    display::display,
    since::Since,
    state::{Lengths, State},
    text::{
        Style,
        live::{Feed, Line, Place},
        status::status,
        summary::{self, Limits},
        table, units,
    },
};
use results::{
    contract::Contract,
    event::{Event, What},
    outcome::Outcome,
};
use scenarios::plan::Plan;

use crate::{cli::Ui, interrupt, print};

/// Columns where nobody tells.
const WIDTH: usize = 80;

/// Shows one run.
pub(crate) struct Screen {
    state: State,
    feed: Feed,
    shown: bool,
    overwrites: bool,
    /// A live line stands at the bottom and is to be overwritten.
    standing: bool,
    /// Warnings that were shown, or shall not be.
    quiet: Vec<String>,
}

/// Columns of a log that no terminal shows.
const LOG_WIDTH: usize = 120;
/// The one warning that is told each time: it answers a person.
const ANSWER: &str = "order-refused";

impl Screen {
    /// For the run of `plan`.
    pub(crate) fn new(plan: &Plan, ui: Ui, no_warn: &[String]) -> Self {
        let terminal = ui == Ui::Auto && std::io::stderr().is_terminal();
        let place = if terminal { Place::Terminal } else { Place::Plain };
        let lengths = Lengths { warm_up_us: plan.warm_up.0, measure_us: plan.measure.0, drain_us: plan.drain.0 };
        Self {
            state: State::new(lengths),
            feed: Feed::new(place, if terminal { width().saturating_sub(1) } else { LOG_WIDTH }),
            shown: ui != Ui::None,
            overwrites: terminal,
            standing: false,
            quiet: no_warn.to_vec(),
        }
    }

    /// What the run is about.
    pub(crate) fn begin(&self, plan: &Plan, agent: &str, seed: u64, defect: Option<&str>) {
        if self.shown {
            let asked = format!("{}: {}", display(&plan.name), display(&plan.question));
            let seconds = plan.warm_up.seconds() + plan.measure.seconds();
            let planted = defect.map_or(String::new(), |id| format!("PLANTED DEFECT {id}\n"));
            print::err(&format!(
                "{}\nagent {agent}   seed {seed}   {} in all   about {seconds:.0} s and the drain\n{planted}",
                table::wrap(&asked, if self.overwrites { width() } else { LOG_WIDTH }).join("\n"),
                units::rate(plan.rate().0)
            ));
        }
    }

    /// Takes in an event.
    pub(crate) fn take(&mut self, event: &Event) {
        self.state.fold(event);
        if interrupt::status_was_asked() {
            self.end();
            print::err(&status(&self.state));
        }
        if !self.shown || self.is_known(event) {
            return;
        }
        for line in self.feed.take(event, &self.state) {
            let clear = if self.standing { "\r\x1b[K" } else { "" };
            match line {
                Line::Progress(text) if self.overwrites => {
                    print::err(&format!("{clear}{text}"));
                    self.standing = true;
                }
                Line::Progress(text) | Line::News(text) => {
                    print::err(&format!("{clear}{text}\n"));
                    self.standing = false;
                }
            }
        }
    }

    /// True for a warning of a kind that was shown before or is switched off.
    fn is_known(&mut self, event: &Event) -> bool {
        let What::Warning(warning) = &event.what else { return false };
        let known = self.quiet.contains(&warning.name) && warning.name != ANSWER;
        if !known {
            self.quiet.push(warning.name.clone());
        }
        known
    }

    /// The run is over: takes the live line away.
    pub(crate) fn end(&mut self) {
        if self.standing {
            print::err("\r\x1b[K");
            self.standing = false;
        }
    }
}

/// The verdict in words, with the limits of the contract beside the values, and what changed from the run before.
pub(crate) fn verdict(outcome: &Outcome, contract: &Contract, since: Option<&Since>) -> String {
    let limits = Limits::from(contract);
    summary::render_since(outcome, &limits, since, style())
}

pub(crate) fn style() -> Style {
    Style { color: std::io::stdout().is_terminal() && !without_color(), unicode: unicode(), width: width() }
}

/// Whether the person wants no colours.
#[expect(clippy::disallowed_methods, reason = "src/ is where the environment is read")]
pub(crate) fn without_color() -> bool {
    std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty())
}

/// Whether the locale has signs outside ASCII.
#[expect(clippy::disallowed_methods, reason = "src/ is where the environment is read")]
pub(crate) fn unicode() -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    locale.is_some_and(|locale| locale.to_ascii_lowercase().replace('-', "").contains("utf8"))
}

/// Columns of the terminal.
pub(crate) fn width() -> usize {
    let of = |size: rustix::termios::Winsize| usize::from(size.ws_col);
    let size =
        rustix::termios::tcgetwinsize(std::io::stdout()).or_else(|_| rustix::termios::tcgetwinsize(std::io::stderr()));
    size.map(of).ok().filter(|&columns| columns > 0).unwrap_or(WIDTH)
}
