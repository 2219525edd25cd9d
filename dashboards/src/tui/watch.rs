//! The dashboard over stored runs, and over runs that another program performs.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use ratatui::{crossterm::event, layout::Size};
use results::event::Event;

use super::{
    app::{App, Wish},
    board::Board,
    clock::Clock,
    export,
    keys::Do,
    live::{frame, pressed},
    look::Look,
    replay::{Replay, Target, speed},
    scene::{Player, Scene},
    terminal::{Guard, TerminalError, is_taken},
};

/// One run that is watched, and where more of its events come from while it is under way.
pub struct Watched {
    /// The run so far.
    pub replay: Replay,
    /// Yields what happened since it was last asked; `None` for a run that is over.
    pub more: Option<Box<dyn FnMut() -> Vec<Event>>>,
}

/// How to begin.
#[derive(Debug, Clone, Copy)]
pub struct Begin {
    /// Where, microseconds since the start of the run; `None`: at the begin of a stored run, at the end of one under way.
    pub at_us: Option<u64>,
    /// Seconds of the run a second.
    pub speed: f64,
}

/// How it was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// By a key; with the last frame, if it is to be kept.
    Quit(Option<String>),
    /// By a signal.
    Stopped,
}

/// Shows `runs` until the person leaves, or `stop` is set.
pub fn watch(runs: Vec<Watched>, begin: Begin, look: Look, stop: &AtomicBool) -> Result<Left, TerminalError> {
    let mut guard = Guard::take()?;
    let following = begin.at_us.is_none() && runs.iter().any(|run| run.more.is_some());
    let mut show =
        Show { runs, app: App::new(look, false), playing: true, following, speed: begin.speed, frozen: None };
    show.seek(begin.at_us.unwrap_or(0));
    Ok(show.perform(&mut guard, stop)?)
}

struct Show {
    runs: Vec<Watched>,
    app: App,
    playing: bool,
    following: bool,
    speed: f64,
    frozen: Option<Vec<Board>>,
}

/// What a frame was drawn from: frames that would be the same are not drawn.
type Drawn = Option<(u64, u64, Size, Player)>;

impl Show {
    fn perform(&mut self, guard: &mut Guard, stop: &AtomicBool) -> io::Result<Left> {
        let (frame, clock) = (frame(self.app.look), Clock::start());
        let (mut drawn, mut then_us) = (None, 0);
        while is_taken() && !stop.load(Ordering::Relaxed) {
            let now_us = clock.now_us();
            self.advance(now_us - then_us);
            then_us = now_us;
            self.draw(guard, &mut drawn)?;
            if !event::poll(frame)? {
                continue;
            }
            while event::poll(Duration::ZERO)? {
                let ends = self.with_scene(|scene| scene.ends());
                match pressed(&mut self.app, ends, &event::read()?) {
                    Some(Wish::Quit(keep)) => {
                        let size = guard.screen.size()?;
                        return Ok(Left::Quit(keep.then(|| self.with_scene(|scene| export::text(scene, size)))));
                    }
                    Some(wish) => self.obey(wish),
                    None => {}
                }
            }
        }
        Ok(Left::Stopped)
    }

    fn advance(&mut self, passed_us: u64) {
        for run in &mut self.runs {
            if let Some(more) = &mut run.more {
                run.replay.push(more());
            }
        }
        if self.following {
            self.seek(u64::MAX);
        } else if self.playing {
            let by_us = (passed_us as f64 * self.speed) as u64;
            self.playing = false;
            for run in &mut self.runs {
                // All of them move, whichever has come to its end.
                self.playing |= !run.replay.advance(by_us);
            }
        }
    }

    fn obey(&mut self, wish: Wish) {
        match wish {
            Wish::Freeze => {
                self.app.frozen = !self.app.frozen;
                let boards = || self.runs.iter().map(|run| run.replay.board().clone()).collect();
                self.frozen = self.app.frozen.then(boards);
            }
            Wish::SeekTo(to_us) => self.jump(to_us),
            Wish::Replay(does) => self.replay(does),
            Wish::Act(_) | Wish::Quit(_) => {}
        }
    }

    fn replay(&mut self, does: Do) {
        let now_us = self.now_us();
        match does {
            Do::Play if self.following => (self.following, self.playing) = (false, false),
            Do::Play => {
                if !self.playing && now_us >= self.end_us() {
                    self.seek(0);
                }
                self.playing = !self.playing;
            }
            Do::Seek(seconds) => self.jump(now_us.saturating_add_signed(i64::from(seconds) * 1_000_000)),
            Do::Edge(false) => self.jump(0),
            Do::Edge(true) => {
                self.following = self.runs.iter().any(|run| run.more.is_some());
                self.seek(u64::MAX);
            }
            Do::Speed(faster) => self.speed = speed(self.speed, faster),
            Do::Finding(forward) => self.find(Target::Finding, forward),
            Do::Fault(forward) => self.find(Target::Fault, forward),
            _ => {}
        }
    }

    fn find(&mut self, target: Target, forward: bool) {
        let run = self.app.run % self.runs.len().max(1);
        match self.runs.get(run).and_then(|run| run.replay.find(target, forward)) {
            // The one that was found last is the first of the list.
            Some(at_us) => {
                self.app.finding = 0;
                self.playing = false;
                self.jump(at_us);
            }
            None => self.app.notice = Some(if forward { "no further one" } else { "none before" }.to_owned()),
        }
    }

    fn jump(&mut self, to_us: u64) {
        self.following = false;
        self.seek(to_us);
    }

    fn seek(&mut self, to_us: u64) {
        self.runs.iter_mut().for_each(|run| run.replay.seek(to_us));
    }

    fn now_us(&self) -> u64 {
        self.runs.iter().map(|run| run.replay.now_us()).max().unwrap_or(0)
    }

    fn end_us(&self) -> u64 {
        self.runs.iter().map(|run| run.replay.end_us()).max().unwrap_or(0)
    }

    fn player(&self) -> Player {
        Player { playing: self.playing, following: self.following, speed: self.speed, end_us: self.end_us() }
    }

    fn with_scene<T>(&self, look: impl FnOnce(&Scene<'_>) -> T) -> T {
        let boards: Vec<&Board> = match &self.frozen {
            Some(frozen) => frozen.iter().collect(),
            None => self.runs.iter().map(|run| run.replay.board()).collect(),
        };
        look(&Scene { boards: &boards, app: &self.app, player: Some(self.player()) })
    }

    fn draw(&self, guard: &mut Guard, drawn: &mut Drawn) -> io::Result<()> {
        let size = guard.screen.size()?;
        let revision = self.with_scene(|scene| scene.boards.iter().map(|board| board.revision).sum());
        let now = Some((revision, self.app.revision, size, self.player()));
        if *drawn != now {
            *drawn = now;
            guard.screen.draw(|frame| self.with_scene(|scene| scene.draw(frame.buffer_mut())))?;
        }
        Ok(())
    }
}
