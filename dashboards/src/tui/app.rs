//! What the person at the keyboard has chosen: page, row, order, zoom, an open question; and what a key makes of it.

use std::collections::BTreeSet;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{
    act::Act,
    keys::{self, Do, View},
    look::Look,
    part::streams::COLUMNS,
    window::Zoom,
};

/// The least and the most load, as a share of the scenario's.
const SCALES: (f64, f64) = (0.05, 20.0);
/// Longest text that can be typed.
const LONGEST: usize = 100;

/// In which order streams are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// Those that stand still, then those that are behind.
    #[default]
    Worst,
    /// The fastest first.
    Rate,
    /// Those with the most files first.
    Generation,
    /// By name.
    Name,
}

impl Sort {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Worst => "worst first",
            Self::Rate => "rate",
            Self::Generation => "generation",
            Self::Name => "name",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Worst => Self::Rate,
            Self::Rate => Self::Generation,
            Self::Generation => Self::Name,
            Self::Name => Self::Worst,
        }
    }
}

/// A question at the bottom of the screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Prompt {
    /// Part of a stream's name.
    Filter(String),
    /// A time to go to.
    Seek(String),
    /// Which columns of the streams are shown.
    Columns,
    /// Whether to do something drastic.
    Confirm(Act),
}

/// What the loop is to do about a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wish {
    /// Put a hand on the run.
    Act(Act),
    /// Leave; `true`: keep the last frame on the screen.
    Quit(bool),
    /// Freeze the view, or let it go on.
    Freeze,
    /// Something about the replay.
    Replay(Do),
    /// Go to a moment, microseconds since the start of the run.
    SeekTo(u64),
}

/// How far what is chosen can be moved on the page that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// Rows of its table.
    pub rows: usize,
    /// Findings.
    pub findings: usize,
    /// Quarters of the time axis to the begin of the run.
    pub back: u32,
}

/// What the person has chosen.
#[derive(Debug, Clone)]
pub struct App {
    /// How the screen may look.
    pub look: Look,
    /// Whether this program performs the run.
    pub live: bool,
    /// The page.
    pub view: View,
    /// The page before the help.
    pub before: View,
    /// The stretch of time.
    pub zoom: Zoom,
    /// The order of the streams.
    pub sort: Sort,
    /// Part of the names of the streams that are listed; empty: all.
    pub filter: String,
    /// Columns of the streams that are not shown, by their numbers from 0.
    pub hidden: BTreeSet<usize>,
    /// The chosen row of the page's table.
    pub chosen: usize,
    /// The chosen finding.
    pub finding: usize,
    /// Which of several runs is looked at.
    pub run: usize,
    /// The open question.
    pub prompt: Option<Prompt>,
    /// What was done last, in a word.
    pub notice: Option<String>,
    /// The load, as a share of the scenario's.
    pub scale: f64,
    /// The view stands still.
    pub frozen: bool,
    /// Grows with every change.
    pub revision: u64,
}

impl App {
    /// At the overview, nothing chosen.
    pub fn new(look: Look, live: bool) -> Self {
        Self {
            look,
            live,
            view: View::Overview,
            before: View::Overview,
            zoom: Zoom::default(),
            sort: Sort::default(),
            filter: String::new(),
            hidden: BTreeSet::new(),
            chosen: 0,
            finding: 0,
            run: 0,
            prompt: None,
            notice: None,
            scale: 1.0,
            frozen: false,
            revision: 0,
        }
    }

    /// Brings back what was moved beyond its end, so that the way back is not as long as the way there was.
    pub fn hold(&mut self, ends: Ends) {
        self.chosen = self.chosen.min(ends.rows.saturating_sub(1));
        self.finding = self.finding.min(ends.findings.saturating_sub(1));
        self.zoom.back = self.zoom.back.min(ends.back);
    }

    /// Takes in a key; what is left to be done by the loop.
    pub fn press(&mut self, event: KeyEvent) -> Option<Wish> {
        self.revision += 1;
        self.notice = None;
        let interrupt = event.modifiers.contains(KeyModifiers::CONTROL);
        if let Some(prompt) = self.prompt.take().filter(|_| !interrupt) {
            return self.answer(prompt, event.code);
        }
        let does = keys::find(event, self.live);
        if self.view == View::Help && !matches!(does, Some(Do::Quit(_))) {
            self.view = self.before;
            return None;
        }
        self.perform(does?)
    }

    fn perform(&mut self, does: Do) -> Option<Wish> {
        match does {
            Do::Show(view) => self.show(view),
            Do::Quit(keep) => return Some(Wish::Quit(keep)),
            Do::Freeze => return Some(Wish::Freeze),
            Do::Zoom(0) => self.zoom = Zoom::default(),
            Do::Zoom(by) => {
                self.zoom.halvings = self.zoom.halvings.saturating_add_signed(by).min(20);
                self.zoom.back = 0;
            }
            Do::Move(by) => self.zoom.back = self.zoom.back.saturating_add_signed(-i32::from(by)).min(1 << 22),
            Do::Choose(by) => {
                let row = if self.view == View::Findings { &mut self.finding } else { &mut self.chosen };
                *row = row.saturating_add_signed(by as isize);
            }
            Do::Sort => self.sort = self.sort.next(),
            Do::Columns => self.prompt = Some(Prompt::Columns),
            Do::Filter => self.prompt = Some(Prompt::Filter(self.filter.clone())),
            Do::SeekTo => self.prompt = Some(Prompt::Seek(String::new())),
            Do::Finding(next) => {
                let by = if next { 1 } else { -1 };
                self.finding = self.finding.saturating_add_signed(by);
                return (!self.live).then_some(Wish::Replay(does));
            }
            Do::NextRun => self.run = self.run.wrapping_add(1),
            Do::Play | Do::Seek(_) | Do::Edge(_) | Do::Speed(_) | Do::Fault(_) => return Some(Wish::Replay(does)),
            Do::Act(act) if act.question().is_some() => self.prompt = Some(Prompt::Confirm(act)),
            Do::Act(act) => return self.done(act),
        }
        None
    }

    fn show(&mut self, view: View) {
        if view == View::Help {
            self.before = self.view;
        }
        self.view = view;
        self.chosen = 0;
    }

    fn done(&mut self, act: Act) -> Option<Wish> {
        let Act::ScaleLoad(by) = act else {
            self.notice = Some(act.words().to_owned());
            return Some(Wish::Act(act));
        };
        // The key says by how much more or less, the act which rate that is.
        self.scale = (self.scale * by).clamp(SCALES.0, SCALES.1);
        self.notice = Some(format!("load at {:.2} times the rate of the scenario", self.scale));
        Some(Wish::Act(Act::ScaleLoad(self.scale)))
    }

    /// Shows or hides the column whose number was typed.
    fn switch(&mut self, code: KeyCode) {
        let KeyCode::Char(c) = code else { return };
        let Some(nth) = c.to_digit(10).and_then(|digit| (digit as usize).checked_sub(1)) else { return };
        if nth < COLUMNS.len() && !self.hidden.remove(&nth) {
            self.hidden.insert(nth);
        }
    }

    /// Takes in a key while a question is open.
    fn answer(&mut self, prompt: Prompt, code: KeyCode) -> Option<Wish> {
        match (prompt, code) {
            (Prompt::Confirm(act), KeyCode::Char('y' | 'Y')) => self.done(act),
            (Prompt::Confirm(act), _) => {
                self.notice = Some(format!("not done: {}", act.words()));
                None
            }
            (_, KeyCode::Esc) | (Prompt::Columns, KeyCode::Enter) => None,
            (Prompt::Columns, code) => {
                self.switch(code);
                self.prompt = Some(Prompt::Columns);
                None
            }
            (Prompt::Filter(text), KeyCode::Enter) => {
                (self.filter, self.chosen) = (text, 0);
                None
            }
            (Prompt::Seek(text), KeyCode::Enter) => {
                let at = moment(&text);
                if at.is_none() {
                    self.notice = Some(format!("no time: {text}; type seconds, or minutes and seconds such as 2:40"));
                }
                at.map(Wish::SeekTo)
            }
            (Prompt::Filter(text), code) => {
                self.prompt = Some(Prompt::Filter(typed(text, code)));
                None
            }
            (Prompt::Seek(text), code) => {
                self.prompt = Some(Prompt::Seek(typed(text, code)));
                None
            }
        }
    }
}

fn typed(mut text: String, code: KeyCode) -> String {
    match code {
        KeyCode::Char(c) if text.len() < LONGEST => text.push(c),
        KeyCode::Backspace => drop(text.pop()),
        _ => {}
    }
    text
}

/// A moment as people type it: `95`, `95.5s`, `1:35`, `1:01:35`; microseconds.
pub fn moment(text: &str) -> Option<u64> {
    let text = text.trim().trim_end_matches('s');
    let mut seconds = 0.0;
    let parts: Vec<&str> = text.split(':').collect();
    for (at, part) in parts.iter().enumerate() {
        let last = at + 1 == parts.len();
        let digits = part.bytes().all(|byte| byte.is_ascii_digit() || last && byte == b'.');
        let value: f64 = part.parse().ok().filter(|_| digits && parts.len() <= 3)?;
        seconds = seconds * 60.0 + value;
    }
    Some((seconds * 1e6) as u64)
}

#[cfg(test)]
mod tests;
