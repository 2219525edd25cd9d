//! The sender against the bench's own lumberjack server.

use std::{net::SocketAddr, sync::Arc};

use results::{identity::StreamId, ledger::Ledger};

use super::*;
use crate::{
    pace::Pace,
    receive::{HttpPlan, Keys, Mode, Protocol, Receiver},
    trial::{RUN, ledger, own_address, until, until_it_rests},
    write::StreamPlan,
};

fn load() -> LoadPlan {
    let stream = StreamPlan { is_sent: true, ..StreamPlan::new("web-0") };
    let pace = Pace::Steady { per_s: 2_000.0 };
    LoadPlan { run: RUN, seed: 1, pace, root: "/nowhere".into(), streams: vec![stream], threads: 1 }
}

fn server(ledger: &Arc<Ledger>, clock: RunClock) -> Receiver {
    let keys = Keys { text: "message".into(), ..Keys::default() };
    let plan = HttpPlan { protocol: Protocol::Lumberjack, keys, ..HttpPlan::default() };
    Receiver::start(plan, Arc::clone(ledger), clock).unwrap()
}

fn sender(to: SocketAddr, ledger: &Arc<Ledger>, clock: RunClock) -> BeatsSender {
    let plan = BeatsPlan { stream: StreamId(0), name: "web-0".into(), to, window: 64, compress: true };
    BeatsSender::start(plan, &load(), Arc::clone(ledger), clock).unwrap()
}

#[test]
fn every_event_arrives_once_and_is_booked_before() {
    let (books, clock) = (ledger(1), RunClock::start());
    let server = server(&books, clock);
    let sender = sender(server.addr(), &books, clock);
    until("some arrived", || books.totals().delivered > 500);
    let report = sender.stop();
    let totals = books.totals();
    assert_eq!((report.error_count, totals.lost, totals.duplicated, totals.unexpected), (0, 0, 0, 0));
    assert_eq!((totals.delivered, totals.corrupted), (totals.written, 0));
}

#[test]
fn what_was_not_acknowledged_is_sent_again() {
    let (books, clock) = (ledger(1), RunClock::start());
    let server = server(&books, clock);
    let sender = sender(server.addr(), &books, clock);
    until("some arrived", || books.totals().delivered > 100);
    server.set(Mode::LoseAck { every: 1 }, 1).unwrap();
    until("answers were lost", || server.counters().lost_answers > 2);
    server.set(Mode::Accept, 0).unwrap();
    let before = books.totals().delivered;
    until("it goes on", || books.totals().delivered > before + 100);
    sender.stop();
    let totals = books.totals();
    assert_eq!((totals.lost, totals.duplicated), (0, totals.duplicated_allowed));
    assert!(totals.duplicated > 0);
}

#[test]
fn a_pace_of_nothing_pauses_and_nothing_is_late_while_the_other_side_keeps_it_waiting() {
    let (books, clock) = (ledger(1), RunClock::start());
    let server = server(&books, clock);
    let sender = sender(server.addr(), &books, clock);
    until("some arrived", || books.totals().delivered > 100);
    sender.set_rate(0.0);
    let before = until_it_rests("the pause", || books.totals().delivered);
    sender.set_rate(2.0);
    until("it goes on", || books.totals().delivered > before + 100);
    server.set(Mode::LoseAck { every: 1 }, 1).unwrap();
    let since_us = clock.now_us();
    until("two seconds without an answer", || clock.now_us() > since_us + 2_000_000);
    server.set(Mode::Accept, 0).unwrap();
    let before = books.totals().delivered;
    until("it has caught up", || books.totals().delivered > before + 8_000);
    // Whatever else is late is the machine's doing.
    assert!(sender.late().max_us < 1_000_000, "{:?}", sender.late());
}

#[test]
fn what_never_was_acknowledged_is_lost_at_the_source() {
    let (books, clock) = (ledger(1), RunClock::start());
    // Nobody listens there any more.
    let gone = std::net::TcpListener::bind(own_address(2)).unwrap().local_addr().unwrap();
    let sender = sender(gone, &books, clock);
    until("a window is due", || books.snapshot().streams()[0].marks().sent > 0);
    let report = sender.stop();
    let totals = books.totals();
    assert_eq!((totals.lost, totals.source_lost), (0, totals.written));
    assert!(
        totals.written > 0 && report.error_count == 1 && report.errors[0].error.contains("acknowledge"),
        "{report:?}"
    );
}
