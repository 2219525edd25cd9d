//! The dashboard over a run that this program performs: a thread of its own that draws, and takes keys.
//!
//! The run hands its events to [`Live::take`], which folds them and returns. The thread locks the board only while it draws in
//! memory; while the terminal takes a frame nobody waits for it. What cannot be shown in time is not shown.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use ratatui::{
    crossterm::event::{self, Event as Input, KeyEventKind},
    layout::Size,
};
use results::event::Event;

use super::{
    about::About,
    act::Act,
    app::{App, Ends, Wish},
    board::Board,
    export,
    look::Look,
    scene::Scene,
    terminal::{Guard, TerminalError, is_taken},
};

/// What the person wants of the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Order {
    /// Put a hand on it.
    Act(Act),
    /// Break it off and keep its books; asked again: end at once.
    BreakOff,
}

/// A dashboard that is shown.
#[derive(Debug)]
pub struct Live {
    board: Arc<Mutex<Board>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<Option<String>>>>,
}

impl Live {
    /// Takes the terminal and shows the run; `orders` is called for what the person wants of it.
    ///
    /// # Panics
    /// Never.
    pub fn start(about: About, look: Look, orders: impl FnMut(Order) + Send + 'static) -> Result<Self, TerminalError> {
        let guard = Guard::take()?;
        let board = Arc::new(Mutex::new(Board::new(about)));
        let over = Arc::new(AtomicBool::new(false));
        let shown =
            Shown { board: Arc::clone(&board), over: Arc::clone(&over), app: App::new(look, true), frozen: None };
        let thread = std::thread::Builder::new().name("dashboard".to_owned());
        let thread = thread.spawn(move || shown.perform(guard, orders))?;
        Ok(Self { board, over, thread: Some(thread) })
    }

    /// Takes in an event of the run.
    pub fn take(&self, event: &Event) {
        lock(&self.board).fold(event);
    }

    /// The run is over: gives the terminal back. The last frame, if the person wanted to keep it.
    pub fn end(mut self) -> Option<String> {
        self.close()
    }

    fn close(&mut self) -> Option<String> {
        self.over.store(true, Ordering::Relaxed);
        let thread = self.thread.take()?;
        // A dashboard that broke has given the terminal back and said why; the run is not to suffer from it.
        thread.join().ok()?.ok()?
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.close();
    }
}

/// The thread's part.
struct Shown {
    board: Arc<Mutex<Board>>,
    over: Arc<AtomicBool>,
    app: App,
    frozen: Option<Board>,
}

impl Shown {
    fn perform(mut self, mut guard: Guard, mut orders: impl FnMut(Order)) -> io::Result<Option<String>> {
        let frame = frame(self.app.look);
        let (mut drawn, mut keep) = (None, false);
        while !self.over.load(Ordering::Relaxed) && is_taken() {
            self.draw(&mut guard, &mut drawn)?;
            if !event::poll(frame)? {
                continue;
            }
            // All keys that wait, so that held ones do not queue up.
            while event::poll(Duration::ZERO)? {
                let ends = self.ends();
                match pressed(&mut self.app, ends, &event::read()?) {
                    Some(Wish::Act(act)) => orders(Order::Act(act)),
                    Some(Wish::Quit(kept)) => {
                        keep |= kept;
                        orders(Order::BreakOff);
                        self.app.notice =
                            Some("breaking off, the books are being closed; once more ends at once".into());
                    }
                    Some(Wish::Freeze) => self.freeze(),
                    Some(Wish::Replay(_) | Wish::SeekTo(_)) | None => {}
                }
            }
        }
        let size = guard.screen.size()?;
        let board = lock(&self.board);
        Ok(keep.then(|| export::text(&Scene { boards: &[&board], app: &self.app, player: None }, size)))
    }

    fn ends(&self) -> Ends {
        let live = lock(&self.board);
        let board = self.frozen.as_ref().unwrap_or(&live);
        Scene { boards: &[board], app: &self.app, player: None }.ends()
    }

    fn freeze(&mut self) {
        self.app.frozen = !self.app.frozen;
        self.frozen = self.app.frozen.then(|| lock(&self.board).clone());
    }

    fn draw(&self, guard: &mut Guard, drawn: &mut Option<(u64, u64, Size)>) -> io::Result<()> {
        let size = guard.screen.size()?;
        let revision = self.frozen.as_ref().map_or_else(|| lock(&self.board).revision, |board| board.revision);
        let now = Some((revision, self.app.revision, size));
        if *drawn == now {
            return Ok(());
        }
        *drawn = now;
        guard.screen.draw(|frame| {
            let live = lock(&self.board);
            let board = self.frozen.as_ref().unwrap_or(&live);
            Scene { boards: &[board], app: &self.app, player: None }.draw(frame.buffer_mut());
        })?;
        Ok(())
    }
}

/// How long a frame stands at least.
pub(super) fn frame(look: Look) -> Duration {
    Duration::from_secs(1) / u32::from(look.frames_per_s.max(1))
}

/// Hands a key to the app.
pub(super) fn pressed(app: &mut App, ends: Ends, input: &Input) -> Option<Wish> {
    match input {
        Input::Key(key) if key.kind != KeyEventKind::Release => {
            app.hold(ends);
            app.press(*key)
        }
        _ => None,
    }
}

/// A board that a panic left is still a board.
fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}
