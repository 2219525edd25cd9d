//! Where the files of each stream are now, and performing steps on them: every step becomes an event.

use std::{
    cell::Cell,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chaos::{
    inject::{Effect, Reopen, Stage, StepError, fs::FsStage, perform, root::Root},
    step::Step,
};
use results::{
    event::{FileId, RotationStep, StepKind, What},
    identity::StreamId,
};

use super::{
    bus::Bus,
    child::{self, PidCell},
    pens::Pens,
    stage::WRITER_WITHIN,
};

/// Where the files of one stream are.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The file that is being written.
    pub(super) live: PathBuf,
    /// The name under which agents find it (the live file itself in a plain layout).
    pub(super) link: PathBuf,
    /// Rotations, swaps and removals so far.
    pub(super) rotation: u32,
    /// Steps that clean up after the last restart, to be done at the next one.
    pub(super) later: Vec<Step>,
}

/// Performs steps on the files of the streams.
#[derive(Debug, Clone)]
pub(super) struct Places {
    root: Root,
    pens: Pens,
    bus: Bus,
    agents: Vec<PidCell>,
    streams: Arc<Vec<Mutex<Place>>>,
}

impl Places {
    /// All streams, index = stream.
    pub(super) fn new(root: Root, pens: Pens, bus: Bus, agents: Vec<PidCell>, places: Vec<Place>) -> Self {
        Self { root, pens, bus, agents, streams: Arc::new(places.into_iter().map(Mutex::new).collect()) }
    }

    /// Takes hold of a stream's files; whoever holds it is the only one to touch them.
    pub(super) fn hold(&self, stream: StreamId) -> MutexGuard<'_, Place> {
        self.streams[usize::from(stream.0)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who writes the files.
    pub(super) fn pens(&self) -> &Pens {
        &self.pens
    }

    /// Performs steps. Records in a file that is opened by them must arrive under `label`, if there is one.
    pub(super) fn perform(
        &self,
        stream: StreamId,
        rotation: u32,
        steps: &[Step],
        label: Option<String>,
    ) -> Result<(), StepError> {
        // Nobody reads the archives: the CPU time of better compression belongs to the agent.
        let stage = FsStage::new(self.root.clone(), Hand { pens: &self.pens, stream, label }).gzip_level(1);
        let held = Cell::new(None);
        let mut stage = Watched { stage, places: self, held: &held };
        perform(steps, &mut stage, |step, effect| {
            self.tell(stream, rotation, step, effect, held.take());
        })
    }

    fn tell(&self, stream: StreamId, rotation: u32, step: &Step, effect: &Effect, held: Option<bool>) {
        let kind = match step {
            Step::Close => StepKind::Close,
            Step::Rename { .. } => StepKind::Rename,
            Step::Unlink { .. } => StepKind::Unlink,
            Step::Compress { .. } => StepKind::Archive,
            Step::Reopen { .. } => StepKind::Reopen,
            Step::Symlink { .. } => StepKind::Symlink,
            // Before anything was freed, and where the number comes by itself, nothing was steered.
            Step::Steer { .. }
                if effect.idle || matches!(effect.error, Some(StepError::NotSteered { tried: 0, .. })) =>
            {
                return;
            }
            Step::Steer { .. } => StepKind::Steer,
            Step::Wait { .. } => return,
        };
        self.bus.say(What::RotationStep(RotationStep {
            stream,
            rotation,
            step: kind,
            path: step.path().map_or_else(String::new, |path| self.shown(path)),
            to: step.to().map(|path| self.shown(path)),
            file: effect.before.map(|file| FileId { device: file.device, inode: file.inode, born_ns: file.born_ns }),
            held,
            error: effect.error.as_ref().map(ToString::to_string),
        }));
    }

    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(self.root.path()).unwrap_or(path).display().to_string()
    }
}

/// A stage that looks, before each unlink, whether an agent process has the file open: afterwards nobody could tell any more.
struct Watched<'a> {
    stage: FsStage<Hand<'a>>,
    places: &'a Places,
    held: &'a Cell<Option<bool>>,
}

impl Stage for Watched<'_> {
    fn perform(&mut self, step: &Step) -> Effect {
        if let Step::Unlink { path } = step {
            let file = self.places.root.identify(path);
            self.held.set(file.and_then(|file| {
                let looks = self.places.agents.iter().filter_map(PidCell::get);
                let held = looks.filter_map(|pid| child::holds(pid, file.device, file.inode));
                held.reduce(|one, other| one || other)
            }));
        }
        self.stage.perform(step)
    }
}

/// The writer of one stream, as a rotator sees it.
struct Hand<'a> {
    pens: &'a Pens,
    stream: StreamId,
    label: Option<String>,
}

impl Reopen for Hand<'_> {
    fn close(&mut self) -> io::Result<()> {
        self.pens.close(self.stream).wait(WRITER_WITHIN).map_err(io::Error::other)
    }

    fn reopen(&mut self, path: &Path, _truncate: bool) -> io::Result<()> {
        let ticket = self.pens.reopen_as(self.stream, path, self.label.clone());
        ticket.wait(WRITER_WITHIN).map_err(io::Error::other)
    }
}
