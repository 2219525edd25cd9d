//! Routes and processes, where a run has several: a row each.
//!
//! ```text
//!  syslog       due 19,960, delivered 19,900, 40 lost at the source, p99 80 ms
//!  aggregator-0 pid 4127, CPU 3.10 s, memory 24.0 MB, 2 starts
//! ```

use ratatui::layout::Rect;

use crate::{
    text::units,
    tui::{
        board::Board,
        look::Ink,
        pen::{Pen, row},
    },
};

/// Rows that are left for what stands below.
const BELOW: u16 = 2;

/// How many rows it takes to show them all; 0 where there are none.
pub(crate) fn wanted(board: &Board) -> u16 {
    let lines = board.state.topology.routes.len() + board.state.processes.len();
    if lines > 1 { lines as u16 + 1 } else { 0 }
}

/// Draws what there is of them; the rows used, and two are left for what stands below.
pub(crate) fn list(pen: &mut Pen<'_>, area: Rect, board: &Board) -> u16 {
    let mut lines = routes(board);
    lines.extend(processes(board));
    let room = area.height.saturating_sub(BELOW).max(area.height / 2);
    if lines.is_empty() || room < 2 {
        return 0;
    }
    let left_out = (lines.len() as u16 + 1).saturating_sub(room);
    let remark = if left_out > 0 { format!("{left_out} more") } else { String::new() };
    pen.title(area, 0, "routes and processes", &remark);
    let mut y = 1;
    for (name, text, ink) in lines.iter().take(usize::from(room) - 1) {
        let line = row(area, y);
        let end = pen.text(line, 1, 0, &format!("{name:<14}"), Ink::Strong);
        pen.text(line, end + 2, 0, text, *ink);
        y += 1;
    }
    y
}

fn routes(board: &Board) -> Vec<(String, String, Ink)> {
    let (state, sample) = (&board.state, &board.state.sample);
    let line = |(info, route): (&results::event::RouteInfo, &results::event::RouteSample)| {
        let source = match route.source_lost {
            0 => String::new(),
            lost => format!(", {} lost at the source", units::count(lost)),
        };
        let p99 = if route.p99_us > 0 {
            format!(", p99 {}", units::millis(route.p99_us as f64 / 1e3))
        } else {
            String::new()
        };
        let text = format!("due {}, delivered {}{source}{p99}", units::count(route.due), units::count(route.delivered));
        (info.name.clone(), text, Ink::Plain)
    };
    state.topology.routes.iter().zip(&sample.routes).map(line).collect()
}

fn processes(board: &Board) -> Vec<(String, String, Ink)> {
    let state = &board.state;
    let line = |(name, process): (&String, &crate::state::Agent)| {
        let used = state.sample.processes.iter().find(|used| used.name == *name);
        let used = used.map_or_else(String::new, |used| {
            let cpu = units::seconds(used.cpu_us as f64 / 1e6);
            let held = match used.throttled_us {
                0 => String::new(),
                us => format!(", throttled {}", units::millis(us as f64 / 1e3)),
            };
            format!(", CPU {cpu}, memory {}{held}", units::bytes(used.rss_bytes))
        });
        let pid = process.pid.map_or_else(|| "down".to_owned(), |pid| format!("pid {pid}"));
        let starts = units::counted(process.starts, "start");
        let (oom, ink) = match process.oom_kills {
            0 if process.deaths == 0 => (String::new(), Ink::Plain),
            0 => (format!(", {} by itself", units::counted(process.deaths, "end")), Ink::Bad),
            kills => (format!(", OUT OF MEMORY {kills} times"), Ink::Bad),
        };
        (name.clone(), format!("{pid}{used}, {starts}{oom}"), ink)
    };
    state.processes.iter().map(line).collect()
}
