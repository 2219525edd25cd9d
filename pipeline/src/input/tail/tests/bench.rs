//! A writer, a rotator, an agent that dies and pauses, and the books over it all.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
};

use super::world::{Prim, World};
use crate::{
    checkpoint::{CheckpointEntry, EntryState},
    chunk::{Ack, Chunk},
    defects::Defect,
    input::tail::{Step, TailPlan, Tailer},
};

/// What happens, as somebody would say it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    Write(u8),
    /// The kubelet: compress and unlink the previous file, rename, some late writes, create.
    Kubelet {
        late: u8,
    },
    /// Docker: shift the chain, rename, create, compress the previous one in place.
    Docker,
    /// Renamed away, and not back yet.
    Away,
    /// The writer makes a new file under the name.
    Created,
    /// Renamed away and back.
    Back {
        meanwhile: u8,
    },
    /// Copied, then cut.
    CopyTruncate,
    /// Steps of the agent.
    Run(u8),
    /// So much time passes, ms, with the agent running.
    Wait(u16),
    /// The world goes on without the agent.
    Stopped,
    /// The agent is killed and started again.
    Killed,
    /// The output takes everything that is in flight.
    Taken,
    /// No room in the buffer, or room again.
    Full(bool),
    /// The file is replaced under its name: its last link is gone.
    Replaced,
    /// The rotated files are unlinked.
    Unlinked,
    /// The link leads to a new file; in one step or two.
    Swapped {
        atomic: bool,
    },
}

pub(super) struct Bench {
    pub(super) world: World,
    pub(super) tailer: Tailer,
    plan: TailPlan,
    defect: Option<Defect>,
    stored: BTreeMap<u64, CheckpointEntry>,
    flight: VecDeque<Chunk>,
    delivered: Vec<u64>,
    /// Copies allowed beyond the first.
    allowed: BTreeMap<u64, u32>,
    now: u64,
    full: bool,
    live: PathBuf,
    rotations: u32,
    swaps: u32,
    docker: bool,
}

impl Bench {
    pub(super) fn new(seed: u64, linked: bool, defect: Option<Defect>) -> Self {
        let world = World::new(&["/c", "/pods/p"], seed);
        let mut plan = TailPlan::new(vec![if linked { "/c/*.log" } else { "/pods/p/0.log" }.to_owned()]);
        plan.refresh_interval_ms = 300;
        plan.rotate_wait_ms = 40;
        plan.chunk_bytes = 200;
        let tailer = Tailer::new(plan.clone(), Vec::new(), defect);
        let live = PathBuf::from("/pods/p/0.log");
        let mut bench = Self {
            world,
            tailer,
            plan,
            defect,
            stored: BTreeMap::new(),
            flight: VecDeque::new(),
            delivered: Vec::new(),
            allowed: BTreeMap::new(),
            now: 1,
            full: false,
            live,
            rotations: 0,
            swaps: 0,
            docker: false,
        };
        bench.world.perform(Prim::Create(bench.live.clone()));
        if linked {
            bench.world.perform(Prim::Link { at: "/c/a.log".into(), to: bench.live.clone() });
        }
        // From here on the name is followed.
        bench.run(60);
        bench
    }

    pub(super) fn replan(&mut self, change: impl FnOnce(&mut TailPlan)) {
        change(&mut self.plan);
        self.tailer = Tailer::new(self.plan.clone(), Vec::new(), self.defect);
        self.world.agent_died();
        self.stored.clear();
        self.run(60);
    }

    fn rotated(&self, at: u32) -> PathBuf {
        PathBuf::from(format!("{}.2022-{at:05}", self.live.display()))
    }

    #[expect(clippy::too_many_lines, reason = "a list: one arm an act")]
    fn act(&mut self, act: Act) {
        let live = self.live.clone();
        let all_opened =
            |world: &World| world.inodes.iter().all(|(id, file)| file.data.is_empty() || world.opened.contains(id));
        match act {
            Act::Write(n) => (0..n).for_each(|_| self.world.script.push_back(Prim::Write)),
            Act::Kubelet { late } => {
                let (previous, next) = (self.rotated(self.rotations), self.rotated(self.rotations + 1));
                let (packed, tmp) = (format!("{}.gz", previous.display()), format!("{}.tmp", previous.display()));
                self.rotations += 1;
                self.world.script.extend([
                    Prim::Pack { from: previous.clone(), to: tmp.clone().into(), half: true },
                    Prim::Pack { from: previous.clone(), to: tmp.clone().into(), half: false },
                    Prim::Rename(tmp.into(), packed.into()),
                    Prim::Unlink(previous),
                    Prim::Rename(live.clone(), next),
                ]);
                self.act(Act::Write(late));
                self.world.script.push_back(Prim::Create(live));
            }
            Act::Docker => {
                self.docker = true;
                self.rotations += 1;
                let name = |at: u32| PathBuf::from(format!("/pods/p/0.log.{at}"));
                let packed = |at: u32| PathBuf::from(format!("/pods/p/0.log.{at}.gz"));
                let shift = (1..self.rotations).rev();
                self.world.script.extend(
                    shift.flat_map(|at| {
                        [Prim::Rename(packed(at), packed(at + 1)), Prim::Rename(name(at), name(at + 1))]
                    }),
                );
                self.world.script.extend([Prim::Rename(live.clone(), name(1)), Prim::Create(live), Prim::Write]);
                self.world.script.extend([
                    Prim::Pack { from: name(1), to: packed(1), half: true },
                    Prim::Pack { from: name(1), to: packed(1), half: false },
                    Prim::Unlink(name(1)),
                ]);
            }
            Act::Away => {
                self.world.perform(Prim::Rename(live.clone(), format!("{}.2022-99999", live.display()).into()));
            }
            Act::Created => self.world.perform(Prim::Create(live)),
            Act::Back { meanwhile } => {
                let away = PathBuf::from(format!("{}.2022-99999", live.display()));
                self.world.script.push_back(Prim::Rename(live.clone(), away.clone()));
                self.act(Act::Write(meanwhile));
                self.world.script.push_back(Prim::Rename(away, live));
            }
            Act::CopyTruncate => {
                self.flush_script();
                // A file that was cut before anything of it was read shows no sign of it.
                if self.tailer.status().iter().any(|file| file.offset_read == 0) {
                    return;
                }
                self.rotations += 1;
                let copy = self.rotated(self.rotations);
                self.world.perform(Prim::Copy(live.clone(), copy));
                self.world.perform(Prim::Truncate(live));
            }
            Act::Run(n) => self.run(u32::from(n)),
            Act::Wait(ms) => {
                let until = self.now + u64::from(ms);
                while self.now < until {
                    self.run(3);
                    self.now += 1;
                }
            }
            Act::Stopped => self.flush_script(),
            Act::Killed => self.kill(),
            Act::Taken => self.take(),
            Act::Full(full) => self.full = full,
            Act::Replaced => {
                self.flush_script();
                if all_opened(&self.world) {
                    self.world.perform(Prim::Create("/pods/p/0.log.tmp".into()));
                    self.world.perform(Prim::Rename("/pods/p/0.log.tmp".into(), live));
                }
            }
            Act::Unlinked => {
                self.flush_script();
                let old = self.rotated(self.rotations);
                if all_opened(&self.world) && self.world.has(&old.to_string_lossy()) {
                    self.world.perform(Prim::Unlink(old));
                }
            }
            Act::Swapped { atomic } => {
                self.flush_script();
                if all_opened(&self.world) && self.world.has("/c/a.log") {
                    self.swaps += 1;
                    self.live = PathBuf::from(format!("/pods/p/{}.log", self.swaps));
                    self.world.perform(Prim::Create(self.live.clone()));
                    let link = |at: &str| Prim::Link { at: at.into(), to: self.live.clone() };
                    if atomic {
                        let steps = [link("/c/.new"), Prim::Rename("/c/.new".into(), "/c/a.log".into())];
                        self.world.script.extend(steps);
                    } else {
                        self.world.script.extend([Prim::Unlink("/c/a.log".into()), link("/c/a.log")]);
                    }
                    self.rotations = 0;
                }
            }
        }
    }

    fn flush_script(&mut self) {
        while let Some(prim) = self.world.script.pop_front() {
            self.world.perform(prim);
        }
    }

    fn run(&mut self, steps: u32) {
        for _ in 0..steps {
            match self.tailer.step(&mut self.world, self.now, if self.full { 0 } else { 1 << 20 }) {
                Step::Again => {}
                Step::Chunk(chunk) => self.receive(chunk),
                Step::Idle { .. } => self.now += 1,
            }
            self.store();
        }
    }

    fn receive(&mut self, chunk: Chunk) {
        for line in chunk.bytes.split_inclusive(|&byte| byte == b'\n') {
            let seq: u64 = std::str::from_utf8(&line[7..13]).unwrap().parse().unwrap();
            assert_eq!(line, World::line(seq), "a record is damaged");
            self.delivered.push(seq);
        }
        self.flight.push_back(chunk);
    }

    fn take(&mut self) {
        let acks: Vec<Ack> =
            self.flight.iter().map(|chunk| Ack { source: chunk.source.id, end: chunk.end() }).collect();
        self.flight.clear();
        self.tailer.acked(&acks);
        self.store();
    }

    fn store(&mut self) {
        for entry in self.tailer.dirty().into_iter().flatten() {
            match entry.state {
                EntryState::Forgotten => self.stored.remove(&entry.id),
                _ => self.stored.insert(entry.id, entry),
            };
        }
    }

    fn kill(&mut self) {
        let lose = self.defect == Some(Defect::CheckpointBeforeDelivery);
        for chunk in self.flight.drain(..) {
            for line in chunk.bytes.split_inclusive(|&byte| byte == b'\n') {
                let seq: u64 = std::str::from_utf8(&line[7..13]).unwrap().parse().unwrap();
                // What was in flight may be delivered again; here it had not arrived when it matters.
                if lose {
                    self.delivered.retain(|&other| other != seq);
                } else {
                    *self.allowed.entry(seq).or_default() += 1;
                }
            }
        }
        self.world.agent_died();
        self.tailer = Tailer::new(self.plan.clone(), self.stored.values().cloned().collect(), self.defect);
    }

    /// Plays the acts, lets the agent come to rest, and balances the books.
    pub(super) fn judge(mut self, acts: &[Act]) -> Result<(), String> {
        for &act in acts {
            self.act(act);
        }
        self.full = false;
        self.flush_script();
        for _ in 0..1_500 {
            self.run(2);
            self.take();
            self.now += 1;
        }
        let mut count = vec![0u32; self.world.written as usize];
        let mut highest = None;
        for &seq in &self.delivered {
            count[seq as usize] += 1;
            if count[seq as usize] == 1 {
                if highest.is_some_and(|highest| highest > seq) {
                    return Err(format!("{seq} came after {highest:?}: {:?}", self.delivered));
                }
                highest = Some(seq);
            }
        }
        let lost: Vec<usize> = (0..count.len()).filter(|&seq| count[seq] == 0).collect();
        let extra = |seq: &usize| count[*seq] > 1 + self.allowed.get(&(*seq as u64)).copied().unwrap_or(0);
        let doubled: Vec<usize> = (0..count.len()).filter(extra).collect();
        if !lost.is_empty() || !doubled.is_empty() {
            return Err(format!("lost {lost:?}, doubled {doubled:?}, {:?}", self.tailer.counters()));
        }
        // A periodic scan may just have put everything in line again.
        for _ in 0..200 {
            if !self.tailer.drained() {
                self.run(1);
            }
        }
        if !self.tailer.drained() {
            return Err(format!("not drained: {:?}", self.tailer.status()));
        }
        if self.world.open_files() > self.tailer.status().len() {
            return Err("descriptors leak".into());
        }
        Ok(())
    }
}
