//! A run that is told step by step: what happens to the files of one stream, and what arrives of it.

use std::{ops::Range, sync::Arc};

use results::{
    books::Books,
    cause::causes,
    event::{
        AgentEvent, Event, Fault, FaultState, FileId, Generation, GenerationEnd, RotationStep, StepKind, StreamSample,
        What,
    },
    identity::{self, RecordId, STAMP_LEN, Stamp, StreamId},
    ledger::{Ledger, LedgerPlan, Seen},
    outcome::Cause,
};

pub(super) const SECOND: u64 = 1_000_000;
pub(super) const APP: StreamId = StreamId(0);
pub(super) const PATH: &str = "logs/app.log";
/// Records a generation.
pub(super) const GENERATION: u64 = 100;

/// A run that is told step by step.
pub(super) struct Story {
    pub(super) events: Vec<Event>,
    ledger: Arc<Ledger>,
    written: u64,
    delivered: u64,
    /// What is seen of the agent's hands at each unlink from now on.
    pub(super) held: Option<bool>,
}

impl Story {
    pub(super) fn new() -> Self {
        let plan = LedgerPlan {
            run: 1,
            streams: vec!["app".to_owned()],
            books: None,
            settle_us: SECOND,
            ..LedgerPlan::default()
        };
        let ledger = Ledger::create(plan).expect("no file");
        ledger.reserve(APP, 1 << 20).expect("no file");
        let mut story = Self { events: Vec::new(), ledger, written: 0, delivered: 0, held: None };
        story.at(0, What::Agent(AgentEvent::Started { pid: 1, process: String::new() }));
        story
    }

    pub(super) fn at(&mut self, t_us: u64, what: What) {
        self.events.push(Event { t_us, what });
    }

    pub(super) fn file(inode: u64, generation: u32) -> FileId {
        FileId { device: 1, inode, born_ns: u64::from(generation) + 1 }
    }

    pub(super) fn open(&mut self, t_s: u64, generation: u32, inode: u64) {
        let file = Self::file(inode, generation);
        let opened = Generation { stream: APP, generation, path: PATH.to_owned(), file, first_seq: self.written };
        self.at(t_s * SECOND, What::GenerationOpened(opened));
    }

    pub(super) fn write(&mut self, t_s: u64, count: u64) {
        self.written += count;
        self.ledger.sent(APP, self.written);
        self.ledger.written(APP, self.written, count * 100);
        self.sample(t_s);
    }

    pub(super) fn deliver(&mut self, t_s: u64, seqs: Range<u64>) {
        self.arrive(t_s, seqs, true);
        self.sample(t_s);
    }

    pub(super) fn arrive(&mut self, t_s: u64, seqs: Range<u64>, answered: bool) {
        let mut intake = self.ledger.intake();
        intake.begin(t_s * SECOND);
        for seq in seqs {
            let id = RecordId { stream: APP, seq };
            let stamp = Stamp { run: 1, id, due_us: 0, text_len: STAMP_LEN as u32, at: 0 };
            let mut text = [0; STAMP_LEN];
            stamp.encode(&mut text);
            identity::seal(&mut text, 0);
            intake.record(&text, Seen::default());
        }
        let batch = intake.end();
        if answered {
            self.ledger.answered(batch, t_s * SECOND);
        }
        self.delivered = self.ledger.totals().delivered;
    }

    pub(super) fn sample(&mut self, t_s: u64) {
        self.at(t_s * SECOND, What::Streams(vec![StreamSample(self.written, self.delivered)]));
    }

    pub(super) fn step(&mut self, t_s: u64, rotation: u32, step: StepKind, path: &str, to: Option<&str>, file: FileId) {
        let held = self.held.filter(|_| step == StepKind::Unlink);
        let (path, to) = (path.to_owned(), to.map(str::to_owned));
        let step = RotationStep { stream: APP, rotation, step, path, to, file: Some(file), held, error: None };
        self.at(t_s * SECOND, What::RotationStep(step));
    }

    /// A fault of the sink is in force.
    pub(super) fn sink(&mut self, from_s: u64, until_s: u64) {
        self.sick("refuse", from_s, until_s);
    }

    /// The sink has a fault of that name.
    pub(super) fn sick(&mut self, name: &str, from_s: u64, until_s: u64) {
        for (t_s, state) in [(from_s, FaultState::Applied), (until_s, FaultState::Healed)] {
            let fault =
                Fault { id: 3, name: name.to_owned(), on: String::new(), state, hits: 9, detail: String::new() };
            self.at(t_s * SECOND, What::Fault(fault));
        }
    }

    pub(super) fn close(&mut self, t_s: u64, generation: u32) {
        let end = GenerationEnd { stream: APP, generation, end_seq: self.written, bytes: 0 };
        self.at(t_s * SECOND, What::GenerationClosed(end));
    }

    /// kubelet's way: the file before is archived and unlinked, the live one renamed, a new one created.
    pub(super) fn rotate(&mut self, t_s: u64, to: u32, inodes: &[u64]) {
        if to >= 2 {
            let (old, file) = (format!("{PATH}.{}", to - 2), Self::file(inodes[to as usize - 2], to - 2));
            let archive = format!("{old}.gz");
            // The archive itself has a number that a file of the run had before: it must not be taken for that file.
            let tmp = FileId { device: 1, inode: inodes[to as usize - 1], born_ns: 9_000 + u64::from(to) };
            self.step(t_s, to, StepKind::Archive, &old, Some(&format!("{archive}.tmp")), file);
            self.step(t_s, to, StepKind::Rename, &format!("{archive}.tmp"), Some(&archive), tmp);
            self.step(t_s, to, StepKind::Unlink, "logs/app.log.excess.gz", None, tmp);
            self.step(t_s, to, StepKind::Unlink, &old, None, file);
        }
        let live = Self::file(inodes[to as usize - 1], to - 1);
        self.step(t_s, to, StepKind::Rename, PATH, Some(&format!("{PATH}.{}", to - 1)), live);
        self.open(t_s, to, inodes[to as usize]);
        self.close(t_s, to - 1);
    }

    /// Generations with these inodes, ten seconds each; those not among `missed` are delivered.
    pub(super) fn generations(inodes: &[u64], missed: &[u32]) -> Self {
        let mut story = Self::new();
        story.open(0, 0, inodes[0]);
        for generation in 0..inodes.len() as u32 {
            let t_s = u64::from(generation) * 10;
            if generation > 0 {
                story.rotate(t_s, generation, inodes);
            }
            let from = story.written;
            story.write(t_s + 1, GENERATION);
            if !missed.contains(&generation) {
                story.deliver(t_s + 2, from..from + GENERATION);
            }
        }
        story
    }

    pub(super) fn kill(&mut self, t_s: u64) {
        let ended = AgentEvent::Ended { pid: 1, how: "signal 9".to_owned(), asked: true, process: String::new() };
        self.at(t_s * SECOND, What::Agent(ended));
        self.ledger.agent_down(t_s * SECOND, 0);
    }

    pub(super) fn start(&mut self, t_s: u64) {
        self.at(t_s * SECOND, What::Agent(AgentEvent::Started { pid: 2, process: String::new() }));
    }

    pub(super) fn books(&self) -> Books {
        self.ledger.snapshot()
    }

    pub(super) fn causes(&self) -> Vec<Cause> {
        causes(&self.books(), &self.events)
    }

    /// The only cause there is.
    pub(super) fn cause(&self) -> (String, String, u64, String) {
        let [cause] = &self.causes()[..] else { panic!("{:#?}", self.causes()) };
        (cause.verdict.clone(), cause.cause.clone(), cause.count, cause.evidence.clone())
    }
}
