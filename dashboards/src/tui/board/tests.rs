use results::{
    event::{Fault, FileId, Generation, GenerationEnd, Stall},
    identity::StreamId,
};

use super::*;

const S: u64 = 1_000_000;

fn at(t_us: u64, what: What) -> Event {
    Event { t_us, what }
}

fn streams(samples: &[(u64, u64)]) -> What {
    What::Streams(samples.iter().map(|(written, delivered)| StreamSample(*written, *delivered)).collect())
}

fn fault(name: &str, id: u32, state: FaultState) -> What {
    What::Fault(Fault { id, name: name.into(), on: String::new(), state, hits: 0, detail: String::new() })
}

#[test]
fn rates_and_backlog_are_those_of_all_streams_together() {
    let mut board = Board::default();
    board.fold(&at(S, streams(&[(1000, 900), (500, 500)])));
    board.fold(&at(2 * S, streams(&[(3000, 1900), (1000, 1000)])));
    let second = board.history.between(3 * S / 2, 3 * S / 2 + 1);
    let mean = |series| second.stat(series).unwrap().mean();
    let means = [Series::Offered, Series::Delivered, Series::Backlog].map(|series| mean(series).round() as u64);
    assert_eq!(means, [2500, 1500, 1100]);
    assert_eq!(board.slope(), Some(1000.0));
}

#[test]
fn a_fault_is_in_force_on_the_axis_from_its_begin_to_its_end_and_no_longer() {
    let mut board = Board::default();
    board.fold(&at(2 * S, fault("refuse", 0, FaultState::Applied)));
    board.fold(&at(3 * S, fault("kill_agent", 1, FaultState::Applied)));
    board.fold(&at(5 * S, fault("refuse", 0, FaultState::Healed)));
    board.fold(&at(8 * S, fault("kill_agent", 1, FaultState::Healed)));
    let forced = |family, s: u64| board.history.between(s * S + S / 2, s * S + S / 2 + 1).is_in_force(family);
    let all: Vec<(bool, bool)> = (1..9).map(|s| (forced(Family::Sink, s), forced(Family::Process, s))).collect();
    let (no, yes) = (false, true);
    assert_eq!(all, [(no, no), (yes, no), (yes, yes), (yes, yes), (no, yes), (no, yes), (no, yes), (no, no)]);
    assert_eq!(board.history.between(2 * S, 2 * S + 1).letter(Family::Sink), Some('R'));
}

#[test]
fn a_new_process_does_not_run_its_cpu_time_backwards() {
    let sample = |cpu| What::Sample(Sample { agent_cpu_us: cpu, ..Sample::default() });
    let mut board = Board::default();
    board.fold(&at(S, sample(900_000)));
    board.fold(&at(2 * S, What::Agent(AgentEvent::Started { pid: 7, process: String::new() })));
    board.fold(&at(3 * S, sample(100_000)));
    board.fold(&at(4 * S, sample(600_000)));
    let used = board.history.between(0, u64::MAX).stat(Series::Cpu).unwrap();
    assert_eq!((used.min, used.max), (0.5, 0.5));
}

#[test]
fn a_stream_tells_its_file_and_whether_the_inode_came_back() {
    let mut board = Board::default();
    let opened = |generation, inode, first_seq| {
        let file = FileId { device: 1, inode, born_ns: u64::from(generation) };
        let stream = StreamId(0);
        What::GenerationOpened(Generation { stream, generation, path: "0.log".into(), file, first_seq })
    };
    let closed = |generation, end_seq, bytes| {
        What::GenerationClosed(GenerationEnd { stream: StreamId(0), generation, end_seq, bytes })
    };
    board.fold(&at(0, What::Begun(vec!["web".into()])));
    for what in [opened(0, 131, 0), closed(0, 100, 20_000), opened(1, 132, 100), closed(1, 200, 20_000)] {
        board.fold(&at(S, what));
        assert!(!board.streams.rows()[0].inode_reused);
    }
    board.fold(&at(2 * S, opened(2, 131, 200)));
    board.fold(&at(3 * S, streams(&[(260, 230)])));
    let row = &board.streams.rows()[0];
    assert_eq!((row.name.as_str(), row.generation, row.inode_reused), ("web", Some(2), true));
    assert_eq!(row.read_of_size(1), (30 * 200, 60 * 200));
    assert_eq!(row.doing(), Doing::Reading);
    board.fold(&at(9 * S, What::Stall(Stall { stream: StreamId(0), from_us: 3 * S, until_us: None })));
    assert_eq!((board.streams.rows()[0].doing(), board.streams.stalled()), (Doing::Stalled, 1));
    assert_eq!(board.findings.all()[0].t_us, 3 * S);
}

#[test]
fn whatever_happens_for_however_long_the_board_stays_small() {
    let mut board = Board::default();
    for n in 0..20_000u32 {
        let t_us = u64::from(n) * S;
        board.fold(&at(t_us, fault("hang", n, FaultState::Applied)));
        board.fold(&at(t_us, fault("hang", n, FaultState::NoEffect)));
        board.fold(&at(t_us, What::Agent(AgentEvent::Started { pid: n, process: String::new() })));
        let how = "signal 9".to_owned();
        board.fold(&at(t_us, What::Agent(AgentEvent::Ended { pid: n, how, asked: false, process: String::new() })));
        board.fold(&at(t_us, streams(&[(u64::from(n), 0)])));
    }
    assert_eq!((board.findings.all().len(), board.findings.more), (1000, 39_000));
    assert_eq!((board.log.faults.len(), board.log.lives.len()), (512, 64));
    assert!(board.backlogs.len() <= MOST_POINTS);
}
