//! Verdicts and run folders: what is pass, fail or unknown, and that a stored run is judged as it was.

use std::{fs, path::Path};

use results::{
    books::Books,
    contract::{Contract, Delivery},
    event::{AgentEvent, Event, Fault, FaultState, FileId, Generation, RotationStep, Stall, StepKind, What},
    identity::{self, RecordId, STAMP_LEN, Stamp, StreamId},
    judge::{Trial, judge},
    ledger::{Ledger, LedgerPlan, Seen},
    outcome::{Latency, Outcome, Proofs, Rates, Resources, Verdict},
    proofs::proofs,
    run::{Manifest, RunError, RunFolder, RunState, StoredRun, unfinished},
};

const APP: StreamId = StreamId(0);

/// Books of 100 records written, of which these arrived, in this order.
fn books(arrived: &[u64], path: Option<&Path>) -> Books {
    let plan = LedgerPlan {
        run: 1,
        streams: vec!["app".to_owned()],
        books: path.map(Path::to_owned),
        settle_us: 0,
        ..LedgerPlan::default()
    };
    let ledger = Ledger::create(plan).expect("room");
    ledger.reserve(APP, 100).expect("room");
    ledger.sent(APP, 100);
    ledger.written(APP, 100, 10_000);
    let mut intake = ledger.intake();
    intake.begin(0);
    for &seq in arrived {
        let stamp = Stamp { run: 1, id: RecordId { stream: APP, seq }, due_us: 0, text_len: STAMP_LEN as u32, at: 0 };
        let mut text = [0; STAMP_LEN];
        stamp.encode(&mut text);
        identity::seal(&mut text, 0);
        intake.record(&text, Seen::default());
    }
    let batch = intake.end();
    ledger.answered(batch, 0);
    ledger.close().expect("room")
}

fn all() -> Vec<u64> {
    (0..100).collect()
}

fn started() -> Event {
    Event { t_us: 0, what: What::Agent(AgentEvent::Started { pid: 1, process: String::new() }) }
}

fn trial<'a>(books: &'a Books, events: &'a [Event]) -> Trial<'a> {
    Trial {
        scenario: "tail-stall".to_owned(),
        agent: "builtin".to_owned(),
        defect: None,
        seed: 1,
        contract: Contract::default(),
        books,
        events,
        latency: Latency::default(),
        route_latency: Vec::new(),
        rates: Rates { sent_per_s: 1000.0, ..Rates::default() },
        resources: Resources::default(),
        broken_off: false,
        unknown_because: Vec::new(),
        repeat: "tailproof run tail-stall --seed 1".to_owned(),
        run: "results/runs/x".to_owned(),
    }
}

fn ruling(outcome: &Outcome) -> (Verdict, u8) {
    (outcome.verdict, outcome.exit)
}

#[test]
fn everything_delivered_once_is_a_pass() {
    let (books, events) = (books(&all(), None), [started()]);
    let outcome = judge(&trial(&books, &events));
    assert_eq!(ruling(&outcome), (Verdict::Pass, 0));
    assert!(outcome.findings.is_empty() && outcome.unknown_because.is_empty());
}

#[test]
fn one_lost_record_is_a_failure_that_names_it() {
    let mut arrived = all();
    arrived.remove(41);
    let (books, events) = (books(&arrived, None), [started()]);
    let outcome = judge(&trial(&books, &events));
    assert_eq!(ruling(&outcome), (Verdict::Fail, 1));
    assert_eq!(outcome.findings, ["1 of 100 records were lost: app 1"]);
    let mut lenient = trial(&books, &events);
    lenient.contract.delivery = Delivery::AtMostOnce;
    assert_eq!(ruling(&judge(&lenient)), (Verdict::Pass, 0));
}

#[test]
fn duplicates_and_disorder_are_judged_by_the_contract() {
    let mut arrived = all();
    arrived.swap(10, 11);
    let (swapped, events) = (books(&arrived, None), [started()]);
    let mut ordered = trial(&swapped, &events);
    assert_eq!(judge(&ordered).verdict, Verdict::Pass);
    ordered.contract.ordered = true;
    assert_eq!(judge(&ordered).verdict, Verdict::Fail);
    arrived.push(99);
    let doubled = books(&arrived, None);
    assert_eq!(judge(&trial(&doubled, &events)).verdict, Verdict::Fail, "a duplicate without a reason");
}

#[test]
fn a_run_that_proves_nothing_is_unknown_and_says_why() {
    let events = [started()];
    let complete = books(&all(), None);
    let because = |trial: &Trial<'_>| {
        let outcome = judge(trial);
        assert_eq!(ruling(&outcome), (Verdict::Unknown, 3), "{outcome:#?}");
        outcome.unknown_because.join("; ")
    };
    assert!(because(&trial(&Books::new(1, vec!["app".to_owned()]), &events)).contains("nothing was written"));
    let mut wanting = trial(&complete, &events);
    wanting.contract.proof = Proofs { inodes_reused: 2, ..Proofs::default() };
    assert_eq!(because(&wanting), "reused inode numbers: 0 seen, 2 needed; tmpfs never reuses them: put --out on ext4");
    let mut slow = trial(&complete, &events);
    slow.contract.min_rate_per_s = Some(1001.0);
    assert!(because(&slow).contains("1000 records a second, 1001 were wanted"));
    slow.contract.min_rate_per_s = Some(1000.0);
    assert_eq!(judge(&slow).verdict, Verdict::Pass);
    let mut told = trial(&complete, &events);
    told.unknown_because.push("the agent fluent-bit is not installed".to_owned());
    assert!(because(&told).contains("not installed"));
    let fault = Fault {
        id: 4,
        name: "refuse".into(),
        on: String::new(),
        state: FaultState::NoEffect,
        hits: 0,
        detail: "no request came".into(),
    };
    let events = [started(), Event { t_us: 9, what: What::Fault(fault) }];
    assert_eq!(because(&trial(&complete, &events)), "fault 4 (refuse) had no effect: no request came");
}

#[test]
fn a_load_that_a_person_paused_owes_no_rate_but_the_verdict_says_so() {
    let books = books(&all(), None);
    let fault = Fault {
        id: 0,
        name: "hand_pause_load".into(),
        on: String::new(),
        state: FaultState::Healed,
        hits: 0,
        detail: String::new(),
    };
    let events = [started(), Event { t_us: 5, what: What::Fault(fault) }];
    let mut paused = trial(&books, &events);
    paused.contract.min_rate_per_s = Some(1001.0);
    let outcome = judge(&paused);
    assert_eq!(outcome.verdict, Verdict::Pass, "{:?}", outcome.unknown_because);
    assert!(outcome.findings.iter().any(|line| line.contains("by hand")), "{:?}", outcome.findings);
}

#[test]
fn an_absent_agent_is_unknown_although_everything_is_missing_but_a_broken_promise_beats_it() {
    let nothing = books(&[], None);
    let outcome = judge(&trial(&nothing, &[]));
    assert_eq!(outcome.verdict, Verdict::Unknown, "no agent, no promise");
    let events = [started()];
    let mut wanting = trial(&nothing, &events);
    wanting.contract.proof.rotations = 1;
    let outcome = judge(&wanting);
    assert_eq!((outcome.verdict, outcome.unknown_because.len()), (Verdict::Fail, 1));
}

#[test]
fn a_broken_off_run_never_passes_and_what_was_on_its_way_is_not_held_against_the_agent() {
    let events = [started()];
    for arrived in [all(), all()[..50].to_vec()] {
        let books = books(&arrived, None);
        let mut trial = trial(&books, &events);
        trial.broken_off = true;
        let outcome = judge(&trial);
        assert_eq!(ruling(&outcome), (Verdict::Unknown, 130));
        assert!(outcome.broken_off);
    }
    let mut arrived = all();
    arrived.push(3);
    let books = books(&arrived, None);
    let mut trial = trial(&books, &events);
    trial.broken_off = true;
    assert_eq!(ruling(&judge(&trial)), (Verdict::Fail, 130), "a forbidden copy stays one");
}

fn step(t_us: u64, rotation: u32, step: StepKind, inode: u64, error: Option<&str>) -> Event {
    let file = Some(FileId { device: 1, inode, born_ns: inode });
    let (path, to, error) = ("logs/app.log".to_owned(), Some("logs/app.log.1".to_owned()), error.map(str::to_owned));
    Event {
        t_us,
        what: What::RotationStep(RotationStep { stream: APP, rotation, step, path, to, file, held: None, error }),
    }
}

#[test]
fn a_stall_fails_and_says_what_it_followed() {
    let books = books(&all()[..90], None);
    let stall = |until_us| What::Stall(Stall { stream: APP, from_us: 5_000_000, until_us });
    let mut events = vec![
        started(),
        step(4_900_000, 3, StepKind::Rename, 7, None),
        step(9_000_000, 4, StepKind::Rename, 8, None),
        Event { t_us: 16_000_000, what: stall(None) },
    ];
    let outcome = judge(&trial(&books, &events));
    assert_eq!(outcome.verdict, Verdict::Fail);
    let [report] = &outcome.stalls[..] else { panic!("{:?}", outcome.stalls) };
    assert_eq!((report.stream.as_str(), report.until_s, report.undelivered), ("app", None, 10));
    assert_eq!(report.after, "rotation 3 (rename app.log to app.log.1) at 4.900 s");
    events.push(Event { t_us: 20_000_000, what: stall(Some(20_000_000)) });
    let outcome = judge(&trial(&books, &events));
    assert_eq!(outcome.stalls.len(), 1, "a stall that ended is one stall");
    assert!(outcome.findings[1].contains("moved again after 15.0 s"), "{:?}", outcome.findings);
}

#[test]
fn an_agent_that_dies_by_itself_has_failed_and_one_that_was_told_to_has_not() {
    let books = books(&all(), None);
    for (asked, verdict) in [(true, Verdict::Pass), (false, Verdict::Fail)] {
        let ended = AgentEvent::Ended { pid: 1, how: "signal 11".to_owned(), asked, process: String::new() };
        let events = [started(), Event { t_us: 5, what: What::Agent(ended) }];
        assert_eq!(judge(&trial(&books, &events)).verdict, verdict);
    }
}

#[test]
fn latency_above_its_limit_and_a_probe_that_failed_break_the_promise() {
    let (books, events) = (books(&all(), None), [started()]);
    for (limit_us, verdict) in [(250_000, Verdict::Pass), (249_000, Verdict::Fail)] {
        let mut late = trial(&books, &events);
        late.latency = Latency { p99: 250.0, ..Latency::default() };
        late.contract.latency_p99_us = Some(limit_us);
        let outcome = judge(&late);
        assert_eq!(outcome.verdict, verdict, "{:?}", outcome.findings);
        let told = outcome.findings.iter().any(|line| line.contains("is 250.0 ms, above the limit of 249.0 ms"));
        assert_eq!(told, verdict == Verdict::Fail, "{:?}", outcome.findings);
    }
    let how = "3 times in a row, last: status 503".to_owned();
    let probe = AgentEvent::ProbeFailed { process: "web".into(), path: "/alive".into(), how };
    let events = [started(), Event { t_us: 5_000, what: What::Agent(probe) }];
    let outcome = judge(&trial(&books, &events));
    assert_eq!(outcome.verdict, Verdict::Fail);
    let told = "web did not answer its probe of /alive at 0.005 s: 3 times in a row, last: status 503";
    assert_eq!(outcome.findings, [told]);
}

fn opened(t_us: u64, generation: u32, inode: u64, born_ns: u64) -> Event {
    let file = FileId { device: 1, inode, born_ns };
    let path = "logs/app.log".to_owned();
    Event { t_us, what: What::GenerationOpened(Generation { stream: APP, generation, path, file, first_seq: 0 }) }
}

#[test]
fn proofs_count_what_took_effect_and_nothing_that_failed() {
    let fault = |id, name: &str, state, hits, detail: &str| Event {
        t_us: 9,
        what: What::Fault(Fault { id, name: name.into(), on: String::new(), state, hits, detail: detail.into() }),
    };
    let events = [
        opened(0, 0, 7, 70),
        step(1, 1, StepKind::Archive, 7, None),
        step(1, 1, StepKind::Unlink, 7, None),
        opened(2, 1, 7, 70),
        opened(3, 2, 7, 70),
        opened(4, 3, 7, 71),
        step(5, 2, StepKind::Archive, 7, Some("no space")),
        step(6, 3, StepKind::Symlink, 7, None),
        fault(0, "refuse", FaultState::Applied, 0, ""),
        fault(0, "refuse", FaultState::Healed, 17, "503 was the answer to 17 requests"),
        fault(1, "kill_agent", FaultState::Healed, 0, "pid 4 ended by signal 9"),
        fault(2, "hang", FaultState::NoEffect, 5, "5 requests came after the end"),
        fault(3, "slow", FaultState::Healed, 40, "40 requests were delayed"),
        fault(4, "reset", FaultState::Healed, 0, "3 requests were not counted"),
    ];
    let seen = proofs(&events);
    let wanted = Proofs {
        rotations: 2,
        inodes_reused: 2,
        archives: 1,
        symlink_swaps: 1,
        inodes_steered: 0,
        faults: 4,
        agent_interruptions: 1,
        sink_refusals: 17,
    };
    assert_eq!(seen, wanted, "the third opening is the same file again, without an unlink between");
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the build's own folder")
}

fn manifest() -> Manifest {
    let settled = serde_json::json!({ "contract": Contract { ordered: true, ..Contract::default() } });
    let manifest = Manifest::new("tail stall/../x", "builtin", None, 1, settled, serde_json::json!({"kernel": "6"}));
    Manifest { repeat: "tailproof run tail-stall --seed 1".to_owned(), ..manifest }
}

/// A run performed to its end.
fn stored(out: &Path) -> (RunFolder, Outcome) {
    let folder = RunFolder::create(out, "20261121T054500Z", "tail stall/../x", "builtin", &manifest()).expect("room");
    let mut arrived = all();
    arrived.swap(5, 6);
    let books = books(&arrived, Some(&folder.books_path()));
    let events = [started(), step(1, 1, StepKind::Rename, 7, None)];
    folder.append(&events[0]).expect("room");
    folder.append_all(&events[1..]).expect("room");
    let mut trial = trial(&books, &events);
    "tail stall/../x".clone_into(&mut trial.scenario);
    trial.contract.ordered = true;
    trial.unknown_because = vec!["the bench was late".to_owned()];
    trial.run = folder.path().display().to_string();
    let outcome = judge(&trial);
    folder.finish(&outcome).expect("room");
    (folder, outcome)
}

#[test]
fn a_stored_run_is_judged_again_as_it_was() {
    let out = folder();
    let (folder, outcome) = stored(out.path());
    let name = folder.path().file_name().expect("a name").to_string_lossy().into_owned();
    assert_eq!(name, "20261121T054500Z-tail-stall-..-x-builtin");
    let stored = StoredRun::open(folder.path()).expect("a run");
    assert_eq!(stored.manifest.state, RunState::Complete);
    assert_eq!(stored.manifest.bench.pid, std::process::id());
    assert!(stored.manifest.bench.start_ticks > 0);
    assert_eq!(stored.outcome().expect("it was judged"), outcome);
    assert_eq!(stored.judge_again().expect("all is there"), outcome);
    assert_eq!(outcome.verdict, Verdict::Fail);
    let twin =
        RunFolder::create(out.path(), "20261121T054500Z", "tail stall/../x", "builtin", &manifest()).expect("room");
    assert!(twin.path().ends_with("20261121T054500Z-tail-stall-..-x-builtin-2"));
}

#[test]
fn a_run_whose_bench_was_killed_is_readable_broken_off_and_listed() {
    let out = folder();
    let (complete, _) = stored(out.path());
    let killed = RunFolder::create(out.path(), "20261121T054501Z", "x", "builtin", &manifest()).expect("room");
    let child = results::run::ChildProcess { pid: 77, start_ticks: 5 };
    killed.child(child).expect("room");
    books(&all(), Some(&killed.books_path()));
    killed.append(&started()).expect("room");
    let events = killed.path().join("events.jsonl");
    let mut text = fs::read(&events).expect("events");
    text.extend_from_slice(b"{\"t_us\":12,\"what\":{\"pha");
    fs::write(&events, text).expect("room");
    let listed = unfinished(out.path()).expect("a folder");
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].0.as_path(), &listed[0].1.children[..]), (killed.path(), &[child][..]));
    assert_ne!(listed[0].0, complete.path());
    let run = StoredRun::open(killed.path()).expect("readable");
    assert_eq!((run.events.len(), run.torn_line), (1, Some(2)));
    let outcome = run.outcome().expect("judged now");
    assert_eq!(ruling(&outcome), (Verdict::Unknown, 130));
    assert!(outcome.unknown_because.iter().any(|why| why.contains("line 2")));
    assert_eq!(unfinished(&out.path().join("none")).expect("no folder, no runs").len(), 0);
}

#[test]
fn what_is_no_run_is_refused_with_file_and_line() {
    let out = folder();
    assert!(matches!(StoredRun::open(out.path()), Err(RunError::NoRun { .. })));
    let (run, _) = stored(out.path());
    let put = |name: &str, text: &str| fs::write(run.path().join(name), text).expect("room");
    let error = || StoredRun::open(run.path()).expect_err("not a run").to_string();
    put("events.jsonl", "{\"t_us\":1,\"what\":{\"phase\":\"measure\"}}\n{\"t_us\":2,\"what\":{\"phaze\":1}}\n");
    assert!(error().contains("events.jsonl, line 2:") && error().contains("phaze"), "{}", error());
    put("run.json", "");
    assert!(error().contains("run.json: the file is empty"), "{}", error());
    put("run.json", "{\"schema\": 1, \"scenario\": ");
    assert!(error().contains("run.json") && error().contains("line 1"), "{}", error());
    put("run.json", "{\"schema\": 2}");
    assert!(error().contains("version 2") && error().contains("newer tailproof"), "{}", error());
}
