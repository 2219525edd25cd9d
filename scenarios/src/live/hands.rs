//! The hands on the files: one thread for each rotation, swap and removal of the scenario, from the begin of the measure
//! stretch to its end.

use std::{
    path::Path,
    sync::mpsc::{Receiver, Sender, channel},
    thread::JoinHandle,
    time::Duration,
};

use chaos::{
    inject::StepError,
    listing::Listing,
    rotator::{docker, kubelet, steered, swap, unlink},
    step::LAST_FREED,
};
use results::{
    event::{Warning, What},
    identity::StreamId,
};

use super::{
    bus::{Bus, Stop},
    places::{Place, Places},
    restart::restart,
};
use crate::{
    plan::{On, Plan},
    spec::{Remove, Rotate, Rotator, Swap, SwapHow},
};

/// Streams of the Docker daemon share so many threads: a rotation waits for the compression before it, as in Docker.
const DOCKER_THREADS: usize = 4;

/// The threads; dropping ends and joins them.
#[derive(Debug)]
pub(super) struct Hands {
    stop: Stop,
    threads: Vec<JoinHandle<()>>,
}

/// Streams whose file is full, for the Docker threads.
#[derive(Debug)]
pub(super) struct Full {
    to: Vec<Sender<StreamId>>,
    from: Vec<Receiver<StreamId>>,
}

impl Full {
    /// One queue a thread.
    pub(super) fn new() -> Self {
        let (to, from) = (0..DOCKER_THREADS).map(|_| channel()).unzip();
        Self { to, from }
    }

    /// What the writer calls when it finds a file full; the writer then holds the stream until it is reopened.
    pub(super) fn teller(&self) -> impl Fn(StreamId) + Send + Sync + 'static {
        let to = std::sync::Mutex::new(self.to.clone());
        move |stream| {
            let to = to.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let _ = to[usize::from(stream.0) % DOCKER_THREADS].send(stream);
        }
    }
}

impl Hands {
    /// Starts every hand of the scenario.
    pub(super) fn start(plan: &Plan, seed: u64, places: &Places, bus: &Bus, full: Full) -> Self {
        let stop = Stop::default();
        let mut hands = Self { stop: stop.clone(), threads: Vec::new() };
        let each = |places: &Places| Worker { places: places.clone(), bus: bus.clone(), stop: stop.clone() };
        match &plan.rotate {
            Some(on) if on.what.by == Rotator::Kubelet => {
                let (worker, on) = (each(places), on.clone());
                hands.spawn("kubelet", move || worker.kubelet(&on));
            }
            Some(on) => {
                for queue in full.from {
                    let (worker, rotate) = (each(places), on.what.clone());
                    hands.spawn("docker", move || worker.docker(&rotate, &queue));
                }
            }
            None => {}
        }
        for on in plan.swaps.clone() {
            let worker = each(places);
            hands.spawn("swap", move || worker.swap(&on, seed));
        }
        for on in plan.removes.clone() {
            let worker = each(places);
            hands.spawn("remove", move || worker.remove(&on));
        }
        hands
    }

    /// Nothing new is begun.
    pub(super) fn say_stop(&self) {
        self.stop.say();
    }

    /// True once nothing is under way either.
    pub(super) fn are_over(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
        self.threads.push(thread.expect("a process may have a handful of threads"));
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        self.stop.say();
        for thread in self.threads.drain(..) {
            // A hand that panicked has said so; its streams are simply not touched any more.
            let _ = thread.join();
        }
    }
}

/// Hands on the files of the streams.
pub(super) struct Worker {
    pub(super) places: Places,
    pub(super) bus: Bus,
    pub(super) stop: Stop,
}

impl Worker {
    fn kubelet(&self, on: &On<Rotate>) {
        while !self.stop.within(on.what.every.duration()) {
            for &stream in &on.streams {
                if self.stop.within(Duration::ZERO) {
                    return;
                }
                if self.places.pens().file_size(stream).unwrap_or(0) < on.what.max_size.0 {
                    continue;
                }
                if let Err(error) = self.rotate_once(stream, &on.what) {
                    self.complain(&error);
                }
            }
        }
    }

    /// One rotation as the kubelet does it.
    pub(super) fn rotate_once(&self, stream: StreamId, rotate: &Rotate) -> Result<(), StepError> {
        let mut place = self.places.hold(stream);
        place.rotation += 1;
        let listing = listing(&place.live);
        let settings = kubelet::Settings {
            max_files: rotate.max_files as usize,
            archive: rotate.archive,
            gap_ms: rotate.reopen_delay.0 / 1000,
            ..kubelet::Settings::default()
        };
        let stamp = kubelet::stamp(super::clock::unix_seconds());
        if rotate.fail_every > 0 && place.rotation.is_multiple_of(rotate.fail_every) {
            let steps = kubelet::rename_back(&listing, &place.live, &stamp, settings);
            self.places.perform(stream, place.rotation, &steps, None)?;
            return Ok(());
        }
        let steps = kubelet::rotate(&listing, &place.live, &stamp, settings);
        let steps = if rotate.steer { steered(steps, LAST_FREED) } else { steps };
        self.places.perform(stream, place.rotation, &steps, None)
    }

    fn docker(&self, rotate: &Rotate, full: &Receiver<StreamId>) {
        loop {
            // The queue is looked at now and then only to notice the end; a rotation is taken up at once.
            match full.recv_timeout(Duration::from_millis(20)) {
                Ok(stream) => {
                    if let Err(error) = self.docker_once(stream, rotate) {
                        self.complain(&error);
                    }
                }
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) if !self.stop.within(Duration::ZERO) => {}
                Err(_) => return,
            }
        }
    }

    /// One rotation as Docker does it, and the compression after it.
    pub(super) fn docker_once(&self, stream: StreamId, rotate: &Rotate) -> Result<(), StepError> {
        let mut place = self.places.hold(stream);
        place.rotation += 1;
        let listing = listing(&place.live);
        let rotation = docker::rotate(&listing, &place.live, rotate.max_files as usize, rotate.archive);
        self.places.perform(stream, place.rotation, &rotation.steps, None)?;
        self.places.perform(stream, place.rotation, &rotation.later, None)
    }

    fn swap(&self, on: &On<Swap>, seed: u64) {
        while !self.stop.within(on.what.every.duration()) {
            for &stream in &on.streams {
                if let Err(error) = self.swap_once(stream, on.what.how, seed) {
                    self.complain(&error);
                }
            }
        }
    }

    /// Replaces the link of a stream.
    pub(super) fn swap_once(&self, stream: StreamId, how: SwapHow, seed: u64) -> Result<(), StepError> {
        let mut place = self.places.hold(stream);
        place.rotation += 1;
        match how {
            SwapHow::ContainerRestart => restart(&self.places, seed, stream, &mut place),
            SwapHow::Atomic | SwapHow::TwoStep => self.relink(stream, &mut place, how),
        }
    }

    /// The writer goes on in a new file, then the link is pointed at it; the file before the last one goes.
    fn relink(&self, stream: StreamId, place: &mut Place, how: SwapHow) -> Result<(), StepError> {
        let name = format!("{}.log", place.rotation);
        let new = place.live.with_file_name(name);
        let target = super::restart::target(&place.link, &new);
        let mut steps = std::mem::take(&mut place.later);
        steps.push(chaos::step::Step::Reopen { path: new.clone(), truncate: false });
        steps.extend(match how {
            SwapHow::TwoStep => swap::two_step(&target, &place.link, 2),
            SwapHow::Atomic | SwapHow::ContainerRestart => swap::atomic(&target, &place.link),
        });
        place.later.push(chaos::step::Step::Unlink { path: place.live.clone() });
        self.places.perform(stream, place.rotation, &steps, None)?;
        place.live = new;
        Ok(())
    }

    fn remove(&self, on: &On<Remove>) {
        while !self.stop.within(on.what.every.duration()) {
            for &stream in &on.streams {
                let mut place = self.places.hold(stream);
                place.rotation += 1;
                let steps = unlink::remove_live(&place.live, 0);
                if let Err(error) = self.places.perform(stream, place.rotation, &steps, None) {
                    self.complain(&error);
                }
            }
        }
    }

    fn complain(&self, error: &StepError) {
        let text = format!("a rotation could not be completed: {error}");
        self.bus.say(What::Warning(Warning { name: "rotation-failed".to_owned(), text }));
    }
}

/// What lies beside a live file.
pub(super) fn listing(live: &Path) -> Listing {
    live.parent().and_then(|dir| Listing::read(dir).ok()).unwrap_or_default()
}
