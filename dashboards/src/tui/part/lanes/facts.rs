//! What stands beside a lane: its figures now, the most important first; as many are shown as the lane has rows.

use super::Lane;
use crate::{
    text::units,
    tui::{
        board::Board,
        history::{Family, Mark, Series},
        look::{Ink, Look},
        part::header,
    },
};

/// The facts of a lane.
pub(super) fn of(lane: Lane, board: &Board, look: Look) -> Vec<(String, Ink)> {
    let (sample, files) = (&board.state.sample, &board.state.files);
    let micros = |us: u64| if us > 0 { units::millis(us as f64 / 1e3) } else { "-".to_owned() };
    let plain = |text: String| vec![(text, Ink::Plain)];
    match lane {
        Lane::Rate => rate(board, look),
        Lane::Backlog => backlog(board, look),
        Lane::Delay => vec![
            (format!("{}  p50 {}", micros(sample.p99_us), micros(sample.p50_us)), Ink::Plain),
            (format!("p99.9 {}", micros(sample.p999_us)), Ink::Plain),
            (format!("max {}", micros(sample.max_us)), Ink::Plain),
            (format!("p90 {}", micros(sample.p90_us)), Ink::Plain),
        ],
        Lane::DelayOf(series) => {
            let now = match series {
                Series::P50 => sample.p50_us,
                Series::P90 => sample.p90_us,
                Series::P999 => sample.p999_us,
                _ => sample.max_us,
            };
            plain(micros(now))
        }
        Lane::Cpu => {
            let most = units::cores(most(board, Series::Cpu));
            let now = units::cores(board.state.rates.agent_cores);
            vec![(now, Ink::Plain), (format!("most {most}"), Ink::Plain)]
        }
        Lane::Rss => {
            let most = units::bytes(most(board, Series::Rss) as u64);
            vec![(units::bytes(sample.agent_rss_bytes), Ink::Plain), (format!("most {most}"), Ink::Plain)]
        }
        Lane::OpenFiles => plain(units::counted(sample.agent_open_files, "file")),
        Lane::Throttled => plain(units::millis(sample.agent_throttled_us as f64 / 1e3) + " in all"),
        Lane::Files => plain(format!(
            "R {}  A {}  S {}",
            units::short(files.rotations),
            units::short(files.archives),
            units::short(files.swaps)
        )),
        Lane::Rotation => {
            let reused = files.inodes_reused;
            let inodes = if reused == 1 { "inode" } else { "inodes" };
            let remark = if reused > 0 { format!(", {} {inodes} reused", units::short(reused)) } else { String::new() };
            plain(format!("{}{remark}", units::short(files.rotations)))
        }
        Lane::Archive => plain(units::short(files.archives)),
        Lane::Swap => plain(units::short(files.swaps)),
        Lane::Faults | Lane::Fault(_) => faults(lane, board),
        Lane::Finding => {
            let found = board.findings.all().len() as u64 + board.findings.more;
            let ink = if board.findings.broken() > 0 { Ink::Bad } else { Ink::Plain };
            vec![(format!("{}  n/N to each", units::short(found)), ink)]
        }
    }
}

/// The largest that a series was.
fn most(board: &Board, series: Series) -> f64 {
    board.history.between(0, u64::MAX).stat(series).map_or(0.0, |stat| stat.max)
}

fn rate(board: &Board, look: Look) -> Vec<(String, Ink)> {
    let rates = &board.state.rates;
    let (offered, delivered) = (units::rate(rates.written), units::rate(rates.delivered));
    let keeps = header::keeps_up(board, look);
    let first = match board.state.routes() {
        1 => format!("{} of {offered}", delivered.trim_end_matches("/s")),
        // What is written once is delivered on each of them.
        routes => format!("{delivered} on {routes} routes"),
    };
    vec![
        (first, keeps.1),
        (format!("offered   {offered}"), Ink::Plain),
        (format!("delivered {delivered}"), Ink::Plain),
        (units::byte_rate(rates.bytes), Ink::Plain),
    ]
}

fn backlog(board: &Board, look: Look) -> Vec<(String, Ink)> {
    let behind = board.behind_s().map_or(String::new(), |s| format!("  {}", units::seconds(s)));
    let bytes = units::bytes(board.state.sample.backlog_bytes);
    let slope = board.slope().map_or((String::new(), Ink::Plain), |slope| {
        let grows = slope > board.state.rates.written * 0.01 && slope > 0.0;
        let sign = if slope < 0.0 { "-" } else { "+" };
        let ink = if grows { Ink::Doubtful } else { Ink::Plain };
        let mark = if grows { look.bad() } else { "" };
        (format!("slope {sign}{} {mark}", units::rate(slope.abs())), ink)
    });
    vec![(format!("{}{behind}", units::short(board.state.backlog())), Ink::Plain), (bytes, Ink::Plain), slope]
}

fn faults(lane: Lane, board: &Board) -> Vec<(String, Ink)> {
    let family = if let Lane::Fault(family) = lane { Some(family) } else { None };
    let ours = |name: &str| family.is_none_or(|family| family == Family::of(name));
    let in_force = board.state.faults.values().rev().find(|(name, _)| ours(name));
    if let Some((name, _)) = in_force {
        return vec![(format!("{name} now"), Ink::Doubtful)];
    }
    let all = board.history.between(0, u64::MAX);
    let began = |family| u64::from(all.count(Mark::Fault(family)));
    let count = family.map_or_else(|| Family::ALL.into_iter().map(began).sum(), began);
    vec![(format!("{} so far", units::short(count)), Ink::Plain)]
}
