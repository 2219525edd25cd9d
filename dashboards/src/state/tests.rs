//! The fold over the events of a run: rates, lifetimes, bounds.

use results::event::Generation;

use super::*;

const S: u64 = 1_000_000;

fn sample(t_us: u64, written: u64, agent_cpu_us: u64) -> Event {
    Event { t_us, what: What::Sample(Sample { written, agent_cpu_us, ..Sample::default() }) }
}

fn opened(generation: u32, inode: u64, born_ns: u64) -> Event {
    let file = FileId { device: 1, inode, born_ns };
    let stream = StreamId(0);
    Event {
        t_us: 0,
        what: What::GenerationOpened(Generation { stream, generation, path: "0.log".into(), file, first_seq: 0 }),
    }
}

#[test]
fn rates_are_those_of_the_last_second_only() {
    let mut state = State::default();
    for tenth in 0..=20u64 {
        // 100 records a tenth in the first second, 500 in the second.
        let written = if tenth <= 10 { tenth * 100 } else { 1000 + (tenth - 10) * 500 };
        state.fold(&sample(tenth * S / 10, written, 0));
    }
    assert!((state.rates.written - 5000.0).abs() < 1e-6, "{:?}", state.rates);
}

#[test]
fn a_restarted_agent_does_not_run_backwards() {
    let mut state = State::default();
    state.fold(&sample(0, 0, 900_000));
    state.fold(&sample(S, 10, 100_000));
    assert!(state.rates.agent_cores.abs() < 1e-9);
    state.fold(&sample(2 * S, 20, 600_000));
    assert!((state.rates.agent_cores - 0.5).abs() < 1e-6);
}

#[test]
fn an_inode_that_comes_back_is_counted() {
    let mut state = State::default();
    for (generation, inode, born_ns) in [(0, 131, 1), (1, 132, 2), (2, 131, 3), (3, 132, 4), (4, 133, 0), (5, 133, 0)] {
        state.fold(&opened(generation, inode, born_ns));
    }
    assert_eq!((state.files.generations, state.files.inodes_reused), (6, 3));
    // The same file opened again after a failed rotation is no reuse.
    state.fold(&opened(6, 132, 4));
    assert_eq!(state.files.inodes_reused, 3);
}

#[test]
fn a_long_run_does_not_grow_the_state() {
    let mut state = State::default();
    for n in 0..200_000u32 {
        state.fold(&opened(n, u64::from(n), 1));
        let fault = Fault {
            id: n,
            name: "hang".into(),
            on: String::new(),
            state: FaultState::Applied,
            hits: 0,
            detail: String::new(),
        };
        state.fold(&Event { t_us: u64::from(n), what: What::Fault(fault) });
        state.fold(&sample(u64::from(n), 0, 0));
    }
    assert_eq!(state.recent.len(), MOST_RECENT);
    assert_eq!(state.faults.len(), MOST_NAMED);
    assert!(state.samples.len() <= MOST_SAMPLES && state.live_inodes.len() <= MOST_FILES);
    assert_eq!(state.faults_applied, 200_000);
}

#[test]
fn what_is_left_of_the_load_is_told_until_it_is_over() {
    let lengths = Lengths { warm_up_us: 3 * S, measure_us: 10 * S, drain_us: 60 * S };
    let mut state = State::new(lengths);
    assert_eq!(state.left_us(), Some(13 * S));
    state.fold(&Event { t_us: S, what: What::Phase(Phase::WarmUp) });
    state.fold(&sample(2 * S, 0, 0));
    assert_eq!(state.left_us(), Some(12 * S));
    state.fold(&Event { t_us: 4 * S, what: What::Phase(Phase::Measure) });
    state.fold(&sample(8 * S, 0, 0));
    assert_eq!(state.left_us(), Some(6 * S));
    state.fold(&sample(99 * S, 0, 0));
    assert_eq!(state.left_us(), None, "it is over, whatever the phase still says");
    state.fold(&Event { t_us: 99 * S, what: What::Phase(Phase::Drain) });
    assert_eq!((state.left_us(), State::default().left_us()), (None, None));
}

#[test]
fn one_process_of_several_ends_and_the_others_run_on() {
    let mut state = State::default();
    let mut agent = |event| state.fold(&Event { t_us: 0, what: What::Agent(event) });
    for (pid, process) in [(1, "forwarder"), (2, "aggregator")] {
        agent(AgentEvent::Started { pid, process: process.into() });
    }
    agent(AgentEvent::OomKilled { pid: 2, process: "aggregator".into(), how: "1".into() });
    agent(AgentEvent::Ended { pid: 2, how: "signal 9".into(), asked: false, process: "aggregator".into() });
    assert_eq!((state.agent.pid, state.agent.starts, state.agent.deaths), (Some(1), 2, 1));
    let gone = state.processes["aggregator"];
    assert_eq!((gone.pid, gone.deaths, gone.oom_kills), (None, 1, 1));
    assert_eq!(state.processes["forwarder"].pid, Some(1));
}

#[test]
fn time_does_not_run_back_for_a_late_event() {
    let mut state = State::default();
    state.fold(&sample(5 * S, 0, 0));
    state.fold(&Event { t_us: 4 * S, what: What::Phase(Phase::Drain) });
    assert_eq!((state.t_us, state.progress()), (5 * S, (S, 0)));
}
