//! One frame: which boards, how they are looked at, and which page of them.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    app::{App, Ends},
    board::Board,
    keys::View,
    part::{footer, header, streams},
    pen::{Pen, cut, row, rows},
    view,
    window::Window,
};
use crate::text::live;

/// Below this there is one line only.
const LEAST: (u16, u16) = (40, 8);
/// Several runs stand side by side as long as each has so many columns.
const LEAST_BESIDE: u16 = 38;

/// How a stored run is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Player {
    /// It plays.
    pub playing: bool,
    /// It follows the end of a run under way.
    pub following: bool,
    /// So many seconds of the run a second.
    pub speed: f64,
    /// Where the events end, microseconds.
    pub end_us: u64,
}

/// What one frame shows.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'s> {
    /// The runs, at least one.
    pub boards: &'s [&'s Board],
    /// What the person has chosen.
    pub app: &'s App,
    /// How it is played, if it is.
    pub player: Option<Player>,
}

impl Scene<'_> {
    /// Draws the frame.
    pub fn draw(&self, cells: &mut Buffer) {
        let area = cells.area;
        let mut pen = Pen::new(cells, self.app.look);
        let Some(board) = self.chosen() else { return };
        if area.width < LEAST.0 || area.height < LEAST.1 {
            let line = live::line(&board.state, usize::from(area.width));
            pen.text(area, 0, 0, &line, super::look::Ink::Plain);
            return;
        }
        let body = rows(area, 0, area.height - 1);
        match (self.app.view, self.boards.len()) {
            (View::Help, _) => view::help::draw(&mut pen, body, self.app.live),
            (View::Overview, 2..) => self.beside(&mut pen, body),
            _ => self.one(&mut pen, body, board),
        }
        footer::draw(&mut pen, row(area, area.height - 1), self);
    }

    /// The run that is looked at.
    pub fn chosen(&self) -> Option<&Board> {
        self.boards.get(self.app.run % self.boards.len().max(1)).copied()
    }

    /// How far what is chosen can be moved.
    pub fn ends(self) -> Ends {
        let Some(board) = self.chosen() else { return Ends { rows: 0, findings: 0, back: 0 } };
        let rows = match self.app.view {
            View::Faults => board.log.faults.len().max(board.log.steps.len()),
            _ => streams::matching(board, self.app),
        };
        let back = self.window(board).quarters_back(board.state.t_us);
        Ends { rows, findings: board.findings.all().len(), back }
    }

    /// The stretch of time that is shown of a run.
    pub(super) fn window(&self, board: &Board) -> Window {
        // Several runs stand on one axis, so that they can be compared.
        let longest = self.boards.iter().map(|board| {
            let lengths = board.about.lengths;
            board.state.t_us.max(lengths.warm_up_us.saturating_add(lengths.measure_us))
        });
        let end_us = self.player.filter(|player| !player.following).map_or(0, |player| player.end_us);
        Window::new(self.app.zoom, board.state.t_us, longest.max().unwrap_or(0).max(end_us))
    }

    fn one(&self, pen: &mut Pen<'_>, area: Rect, board: &Board) {
        let used = header::draw(pen, area, self, board);
        let area = rows(area, used, area.height - used);
        match self.app.view {
            View::Overview => view::overview::draw(pen, area, self, board),
            View::Streams => view::streams::draw(pen, area, self, board),
            View::Faults => view::faults::draw(pen, area, self, board),
            View::Agent => view::agent::draw(pen, area, self, board),
            View::Findings => view::findings::draw(pen, area, self, board),
            View::Help => {}
        }
    }

    /// As many runs side by side as there is room for, from the one that is looked at.
    fn beside(&self, pen: &mut Pen<'_>, area: Rect) {
        let runs = self.boards.len() as u16;
        let fit = (area.width / LEAST_BESIDE).clamp(1, runs);
        let width = area.width / fit;
        for place in 0..fit {
            let run = (self.app.run + usize::from(place)) % self.boards.len();
            let column = cut(area, place * width, width - u16::from(place + 1 < fit));
            let board = self.boards[run];
            let used = header::draw(pen, column, self, board);
            view::overview::draw(pen, rows(column, used, column.height - used), self, board);
        }
    }
}
