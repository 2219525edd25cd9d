//! A running pipeline takes over another plan: nothing is lost, and nothing doubled but what was in flight.

use std::sync::Mutex;

use super::*;
use crate::{defects::Defect, service::clock::until};

/// What stops each service that ran so far; the last one runs.
type Stops = Mutex<Vec<Stop>>;

impl Bench {
    /// A plan for the files of the bench, delivered to `uri`.
    fn plan(&self, service: &str, uri: &str) -> Plan {
        let service = patient(service);
        let text = format!(
            "[SERVICE]\n{service}\n[INPUT]\nName tail\nPath {at}/*.log\nmultiline.parser cri\nDB {at}/tail.db\n\
             Read_from_Head on\nRefresh_Interval 60\n[OUTPUT]\nName http\nMatch *\nURI {uri}\nPort {}\n",
            self.address.port(),
            at = self.folder.path().canonicalize().unwrap().display()
        );
        Config::parse(Path::new("x"), &text, &|_| None).unwrap().plan().unwrap()
    }

    /// Runs one plan after the other: each reload takes the next; `None` in between is a broken file.
    fn run(plans: Vec<Option<Plan>>) -> (Arc<Stops>, JoinHandle<Vec<Ended>>) {
        let office = Office::open();
        let mut plans = plans.into_iter();
        let first = Service::start_in(&office, &plans.next().unwrap().unwrap(), None).unwrap();
        let stops = Arc::new(Mutex::new(vec![first.stop()]));
        let shared = Arc::clone(&stops);
        let running = std::thread::spawn(move || {
            let (mut service, mut ends) = (first, Vec::new());
            loop {
                let (ended, next) = service.run_or_reload(None, &mut || plans.next().unwrap()).unwrap();
                ends.push(ended);
                let Some(next) = next else { return ends };
                service = Service::start_in(&office, &next, None).unwrap();
                shared.lock().unwrap().push(service.stop());
            }
        });
        (stops, running)
    }
}

fn reload(stops: &Stops) {
    stops.lock().unwrap().last().unwrap().reload();
}

fn end(stops: &Stops, running: JoinHandle<Vec<Ended>>) -> Vec<Ended> {
    stops.lock().unwrap().last().unwrap().ask();
    running.join().unwrap()
}

#[test]
fn a_reload_under_load_loses_and_doubles_nothing() {
    let bench = Bench::new();
    let (first, second) = (bench.plan("", "/one"), bench.plan("", "/two"));
    bench.write("a.log", &lines(0..500));
    let (stop, running) = Bench::run(vec![Some(first), Some(second.clone()), Some(second)]);
    bench.server.wait("some of it is delivered", |server, _| server.kept().len() >= 10);
    let mut written = 500;
    for services in 2..=3 {
        reload(&stop);
        for _ in 0..20 {
            bench.write("a.log", &lines(written..written + 100));
            written += 100;
        }
        bench.server.wait("all of it is delivered", move |server, _| server.kept().len() as u64 >= written);
        // The old service may have read all of it before it heard of the reload.
        until("the next service has taken over", || stop.lock().unwrap().len() == services);
    }
    assert_eq!(end(&stop, running), [Ended::Drained; 3]);
    assert_eq!(bench.server.kept(), numbers(0..written));
}

#[test]
fn a_broken_file_is_refused_and_the_running_plan_goes_on() {
    let bench = Bench::new();
    let (stop, running) = Bench::run(vec![Some(bench.plan("", "/one")), None, None]);
    bench.write("a.log", &lines(0..10));
    bench.server.wait("the first lines are delivered", |server, _| server.kept().len() >= 10);
    reload(&stop);
    bench.write("a.log", &lines(10..20));
    bench.server.wait("the next lines are delivered", |server, _| server.kept().len() >= 20);
    assert_eq!(end(&stop, running), [Ended::Drained]);
    assert_eq!(bench.server.kept(), numbers(0..20));
}

#[test]
fn a_sink_that_hangs_holds_a_reload_up_no_longer_than_the_grace_time() {
    let bench = Bench::new();
    bench.server.script.lock().unwrap().push_back(Does::Hang);
    bench.write("a.log", &lines(0..200));
    let (stop, running) = Bench::run(vec![Some(bench.plan("Grace 0.2", "/one")), Some(bench.plan("", "/two"))]);
    bench.server.wait("a request hangs", |_, requests| requests >= 1);
    reload(&stop);
    bench.server.wait("all of it is delivered", |server, _| server.kept().len() >= 200);
    assert_eq!(end(&stop, running), [Ended::GraceOver, Ended::Drained]);
    // The request that hung was given up with its connection: nothing of it was kept, nothing is doubled.
    assert_eq!(bench.server.kept(), numbers(0..200));
}

/// Five records that cannot be read again, and no time to wait for them.
fn fleeting(tag: &str, filter: &str, port: u16) -> Plan {
    let text = format!(
        "[SERVICE]\nGrace 0\n[INPUT]\nName dummy\nTag {tag}\nDummy {{\"log\":\"line 7\"}}\nRate 1000\nCopies 5\nSamples 1\n\
         {filter}[OUTPUT]\nName http\nMatch *\nPort {port}\n"
    );
    Config::parse(Path::new("x"), &text, &|_| None).unwrap().plan().unwrap()
}

#[test]
fn what_cannot_be_read_again_is_delivered_before_a_reload_takes_effect() {
    let bench = Bench::new();
    *bench.server.always.lock().unwrap() = Some(Does::Answer(503));
    let plan = fleeting("dummy.0", "", bench.address.port());
    let (stop, running) = Bench::run(vec![Some(plan), Some(bench.plan("", "/two"))]);
    bench.server.wait("it was refused", |_, requests| requests >= 1);
    reload(&stop);
    bench.server.wait("it is refused beyond the grace time", |_, requests| requests >= 5);
    *bench.server.always.lock().unwrap() = None;
    bench.server.wait("every sample is delivered", |server, _| server.kept().len() >= 5);
    bench.write("a.log", &lines(0..3));
    bench.server.wait("the new plan works", |server, _| server.kept().len() >= 8);
    assert_eq!(end(&stop, running), [Ended::Drained; 2]);
    assert_eq!(bench.server.kept(), [7, 7, 7, 7, 7, 0, 1, 2]);
}

#[test]
fn what_a_filter_keeps_back_of_it_is_waited_for_before_a_reload_as_well() {
    let bench = Bench::new();
    // Whoever asks it for the pod gets no answer: the pod's records wait as long as they may.
    let api = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    api.set_nonblocking(true).unwrap();
    let filter = format!(
        "[FILTER]\nName kubernetes\nMatch *\nKube_URL http://127.0.0.1:{}\nHold_Time 2s\n",
        api.local_addr().unwrap().port()
    );
    let tag = format!("kube.var.log.containers.web-1_shop_nginx-{}.log", "a".repeat(64));
    let plan = fleeting(&tag, &filter, bench.address.port());
    let (stop, running) = Bench::run(vec![Some(plan), Some(bench.plan("", "/two"))]);
    until("the pod is asked for", || api.accept().is_ok());
    reload(&stop);
    bench.server.wait("every sample is delivered", |server, _| server.kept().len() >= 5);
    until("the next service has taken over", || stop.lock().unwrap().len() == 2);
    assert_eq!(end(&stop, running), [Ended::Drained; 2]);
    assert_eq!(bench.server.kept(), [7; 5]);
}

#[test]
fn a_stop_while_a_reload_waits_is_a_stop() {
    let bench = Bench::new();
    *bench.server.always.lock().unwrap() = Some(Does::Answer(503));
    let plan = fleeting("dummy.0", "", bench.address.port());
    let (stops, running) = Bench::run(vec![Some(plan), Some(bench.plan("", "/two"))]);
    bench.server.wait("it was refused", |_, requests| requests >= 1);
    reload(&stops);
    bench.server.wait("it is refused beyond the grace time", |_, requests| requests >= 5);
    stops.lock().unwrap()[0].ask();
    until("it has ended, and nothing began anew", || running.is_finished());
    assert_eq!(running.join().unwrap(), [Ended::GraceOver]);
}

#[test]
fn health_sees_unread_data_that_the_tailer_does_not_know_of() {
    let bench = Bench::new();
    let office = Office { watched: true, ..Office::open() };
    let plan = bench.plan("HC_Stall_Period 3", "/one");
    bench.write("a.log", &lines(0..100));
    bench.write("other.log", &lines(999..1000));
    let service = Service::start_in(&office, &plan, Some(Defect::RenameCreateGap)).unwrap();
    let stop = service.stop();
    let running = std::thread::spawn(move || service.run(None).unwrap());
    bench.server.wait("the first generation is delivered", |server, _| server.kept().len() >= 101);
    let until = |what: &str, done: &dyn Fn(&board::Figures) -> bool| {
        let clock = Clock::start();
        while !done(&office.board.read()) {
            assert!(clock.mono_ms() < 30_000, "{what}: {:?}", office.board.read());
            std::thread::park_timeout(Duration::from_millis(2));
        }
    };
    until("all is read", &|figures| figures.inputs.first().is_some_and(|input| input.records == 101));
    // The defect: the name is looked up once, before the new file is there.
    let path = |name: &str| bench.folder.path().join(name);
    fs::rename(path("a.log"), path("a.log.1")).unwrap();
    // What comes of another file is told behind it, and names are looked at before anything is read. The first line may
    // be met by a look that was under way before, the second is not.
    for number in 1000..1002 {
        bench.write("other.log", &lines(number..number + 1));
        bench.server.wait("a line of the other file is delivered", move |server, _| server.kept().contains(&number));
    }
    assert_eq!(office.board.read().unwell, []);
    bench.write("a.log", &lines(100..200));
    until(
        "it is unwell",
        &|figures| matches!(&figures.unwell[..], [health::Unwell::Stalled(input, ms)] if input == "tail.0" && *ms >= 3_000),
    );
    let files = office.board.read().inputs[0].files.unwrap();
    assert_eq!(files.unread_bytes, fs::metadata(path("a.log")).unwrap().len());
    let mut kept = bench.server.kept();
    kept.sort_unstable();
    assert_eq!(kept, [numbers(0..100), numbers(999..1002)].concat());
    stop.ask();
    running.join().unwrap();
}
