//! The whole pipeline over real files and a server in the test.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::mpsc,
    thread::JoinHandle,
};

use tempfile::TempDir;

use super::*;
use crate::{
    config::Config,
    output::http::tests::{Does, Server},
};

struct Bench {
    folder: TempDir,
    server: Arc<Server>,
    address: SocketAddr,
}

impl Bench {
    fn new() -> Self {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tests");
        fs::create_dir_all(&target).unwrap();
        let server = Arc::new(Server::default());
        let (told, address) = mpsc::channel();
        let listening = Arc::clone(&server);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                told.send(listening.listen().await).unwrap();
                std::future::pending::<()>().await;
            });
        });
        Self { folder: tempfile::tempdir_in(target).unwrap(), server, address: address.recv().unwrap() }
    }

    fn start(&self, keys: &str) -> (Stop, JoinHandle<Ended>) {
        let service = Service::start(&self.settled(keys), None).unwrap();
        (service.stop(), std::thread::spawn(move || service.run(None).unwrap()))
    }

    /// `keys` of the service; sections may follow.
    fn settled(&self, keys: &str) -> Plan {
        let keys = patient(keys);
        let (folder, port) = (self.folder.path().canonicalize().unwrap(), self.address.port());
        let text = format!(
            "[SERVICE]\nFlush 1\n{keys}\n[INPUT]\nName tail\nPath {at}/*.log\nmultiline.parser cri\nDB {at}/tail.db\n\
             Read_from_Head on\nRefresh_Interval 1\n[OUTPUT]\nName http\nMatch *\nPort {port}\n",
            at = folder.display()
        );
        Config::parse(Path::new("x"), &text, &|_| None).unwrap().plan().unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }
}

/// Keys of a service, with a grace time that only a test that states one gets to the end of.
fn patient(keys: &str) -> String {
    if keys.contains("Grace") { keys.to_owned() } else { format!("Grace 60\n{keys}") }
}

fn lines(range: std::ops::Range<u64>) -> String {
    range.map(|n| format!("2026-11-21T05:50:01.123456789Z stdout F line {n}\n")).collect::<Vec<_>>().concat()
}

fn numbers(range: std::ops::Range<u64>) -> Vec<u64> {
    range.collect()
}

#[test]
fn a_stop_drains_and_the_next_start_goes_on_where_it_ended() {
    let bench = Bench::new();
    bench.write("a.log", &lines(0..1000));
    let (stop, running) = bench.start("");
    bench.server.wait("the file is delivered", |server, _| server.kept().len() >= 1000);
    bench.write("a.log", &lines(1000..1200));
    bench.server.wait("what was appended is delivered", |server, _| server.kept().len() >= 1200);
    stop.ask();
    assert_eq!(running.join().unwrap(), Ended::Drained);
    bench.write("a.log", &lines(1200..1500));
    let (stop, running) = bench.start("");
    bench.server.wait("the rest is delivered", |server, _| server.kept().len() >= 1500);
    stop.ask();
    assert_eq!(running.join().unwrap(), Ended::Drained);
    assert_eq!(bench.server.kept(), numbers(0..1500));
}

#[test]
fn what_was_not_accepted_before_an_end_at_once_is_read_again() {
    let bench = Bench::new();
    *bench.server.always.lock().unwrap() = Some(Does::Answer(503));
    bench.write("a.log", &lines(0..1000));
    let (stop, running) = bench.start("");
    bench.server.wait("it was refused", |_, requests| requests >= 2);
    stop.ask();
    stop.ask();
    assert_eq!(running.join().unwrap(), Ended::AtOnce);
    // Its output thread still holds the old batches, as no real process would: those it may deliver as well.
    *bench.server.always.lock().unwrap() = None;
    let (stop, running) = bench.start("");
    bench.server.wait("everything is delivered", |server, _| {
        let kept = server.kept();
        numbers(0..1000).iter().all(|number| kept.contains(number))
    });
    stop.ask();
    assert_eq!(running.join().unwrap(), Ended::Drained);
}

#[test]
fn a_filter_that_panics_ends_the_service_and_loses_nothing() {
    let bench = Bench::new();
    bench.write("a.log", &lines(0..100));
    let filter = "[FILTER]\nName grep\nAlias panics\nMatch *\nExclude x .";
    let plan = bench.settled(filter);
    let ended = Service::start(&plan, None).unwrap().run(None);
    assert!(matches!(&ended, Err(ServiceError::FilterPanicked(name)) if name == "panics"), "{ended:?}");
    assert!(bench.server.kept().is_empty());
    let (stop, running) = bench.start("");
    bench.server.wait("all of it comes again", |server, _| server.kept().len() >= 100);
    stop.ask();
    assert_eq!(running.join().unwrap(), Ended::Drained);
    assert_eq!(bench.server.kept(), numbers(0..100));
}

#[test]
fn the_grace_time_bounds_a_stop() {
    let bench = Bench::new();
    *bench.server.always.lock().unwrap() = Some(Does::Hang);
    bench.write("a.log", &lines(0..10));
    let (stop, running) = bench.start("Grace 0.2");
    bench.server.wait("a request hangs", |_, requests| requests >= 1);
    stop.ask();
    assert_eq!(running.join().unwrap(), Ended::GraceOver);
}

#[test]
fn a_record_whose_end_comes_after_a_restart_is_delivered_whole_and_once() {
    let bench = Bench::new();
    let piece = |tag: &str, text: &str| format!("2026-11-21T05:50:01.123456789Z stdout {tag} {text}\n");
    bench.write("a.log", &(lines(0..5) + &piece("P", "line 12")));
    let (stop, running) = bench.start("");
    bench.server.wait("the whole lines are delivered", |server, _| server.kept().len() >= 5);
    stop.ask();
    assert_eq!(running.join().unwrap(), Ended::Drained);
    bench.write("a.log", &(piece("P", "34") + &piece("F", "56")));
    let (stop, running) = bench.start("");
    bench.server.wait("the record is delivered", |server, _| server.kept().len() >= 6);
    stop.ask();
    assert_eq!(running.join().unwrap(), Ended::Drained);
    assert_eq!(bench.server.kept(), [0, 1, 2, 3, 4, 123_456]);
}

#[test]
fn a_sink_that_is_away_during_rotations_costs_nothing_but_time() {
    let bench = Bench::new();
    *bench.server.always.lock().unwrap() = Some(Does::Answer(503));
    let (stop, running) = bench.start("");
    bench.write("a.log", &lines(0..100));
    bench.server.wait("it was refused", |_, requests| requests >= 1);
    for generation in 1..4 {
        let path = |name: &str| bench.folder.path().join(name);
        fs::rename(path("a.log"), path(&format!("a.log.{generation}"))).unwrap();
        bench.write("a.log", &lines(generation * 100..generation * 100 + 100));
        bench.server.wait("another refusal", {
            let before = bench.server.requests();
            move |_, requests| requests > before
        });
    }
    *bench.server.always.lock().unwrap() = None;
    bench.server.wait("everything is delivered", |server, _| server.kept().len() >= 400);
    stop.ask();
    assert_eq!(running.join().unwrap(), Ended::Drained);
    assert_eq!(bench.server.kept(), numbers(0..400));
}

#[test]
fn an_input_that_is_no_file_delivers_and_ends_when_asked() {
    let bench = Bench::new();
    let text = format!(
        "[SERVICE]\nGrace 60\n[INPUT]\nName dummy\nDummy {{\"log\":\"line 7\"}}\nRate 1000\nSamples 5\n\
         [OUTPUT]\nName http\nMatch dummy.*\nPort {}\n",
        bench.address.port()
    );
    let plan = Config::parse(Path::new("x"), &text, &|_| None).unwrap().plan().unwrap();
    let service = Service::start(&plan, None).unwrap();
    let (stop, running) = (service.stop(), std::thread::spawn(move || service.run(None).unwrap()));
    bench.server.wait("every sample is delivered", |server, _| server.kept().len() >= 5);
    stop.ask();
    assert_eq!(running.join().unwrap(), Ended::Drained);
    assert_eq!(bench.server.kept(), [7; 5]);
}

#[test]
fn a_request_that_is_under_way_at_a_stop_is_taken_delivered_and_answered() {
    let bench = Bench::new();
    // An address of this test's own: no other socket comes to be there meanwhile.
    let at = TcpListener::bind("127.12.9.1:0").unwrap().local_addr().unwrap();
    let text = format!(
        "[SERVICE]\nGrace 60\n[INPUT]\nName http\nListen {}\nPort {}\n[OUTPUT]\nName http\nMatch *\nPort {}\n",
        at.ip(),
        at.port(),
        bench.address.port()
    );
    let plan = Config::parse(Path::new("x"), &text, &|_| None).unwrap().plan().unwrap();
    let service = Service::start(&plan, None).unwrap();
    let (stop, running) = (service.stop(), std::thread::spawn(move || service.run(None).unwrap()));
    let mut peer = TcpStream::connect(at).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let body = r#"{"log":"line 7"}"#;
    let head = "POST /t HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n";
    write!(peer, "{head}content-length: {}\r\n\r\n", body.len()).unwrap();
    let mut go_on = [0; 25];
    peer.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stop.ask();
    clock::until("nobody is let in any more", || TcpStream::connect(at).is_err());
    peer.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    peer.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(running.join().unwrap(), Ended::Drained);
    assert_eq!(bench.server.kept(), [7]);
}

/// Joins texts up to one that ends with 9.
fn joining(flush: &str) -> String {
    format!(
        "[MULTILINE_PARSER]\nName nine\nType endswith\nMatch_String 9\n\
         [FILTER]\nName multiline\nMatch *\nmultiline.parser nine\nmultiline.key_content log\nFlush_ms {flush}\n"
    )
}

fn texts(texts: &[&str]) -> String {
    texts.iter().map(|text| format!("2026-11-21T05:50:01.123456789Z stdout F {text}\n")).collect()
}

#[test]
fn what_a_filter_keeps_back_leaves_at_a_stop_and_is_not_read_again() {
    let bench = Bench::new();
    let (stop, running) = bench.start(&joining("600000"));
    bench.write("a.log", &texts(&["line 1", "2", "9", "line 4"]));
    bench.server.wait("the whole record is delivered", |server, _| !server.kept().is_empty());
    stop.ask();
    assert_eq!(running.join().unwrap(), Ended::Drained);
    bench.write("a.log", &texts(&["line 59"]));
    let (stop, running) = bench.start(&joining("600000"));
    bench.server.wait("the rest is delivered", |server, _| server.kept().len() >= 3);
    stop.ask();
    assert_eq!(running.join().unwrap(), Ended::Drained);
    assert_eq!(bench.server.kept(), [129, 4, 59]);
}

#[test]
fn what_a_filter_keeps_back_leaves_when_its_time_is_over() {
    let bench = Bench::new();
    let (stop, running) = bench.start(&joining("50"));
    bench.write("a.log", &texts(&["line 4"]));
    bench.server.wait("it is delivered without its rest", |server, _| server.kept() == [4]);
    stop.ask();
    assert_eq!(running.join().unwrap(), Ended::Drained);
}

mod reload;
