//! The loop of the inputs: step while there is something to do, else wait for whatever comes first.

use std::{os::fd::AsFd, sync::atomic::Ordering};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{signal::Signal, signalfd::SignalFd},
};

use super::{
    Ended, Service, ServiceError,
    input::{Did, Input},
    progress::Progress,
};
use crate::config::Plan;

/// The longest wait, ms: the progress line is due then at the latest.
const WAIT_MAX_MS: u64 = 1_000;
/// From one look at inputs that are ending to the next, ms.
const LISTENERS_MS: u64 = 5;
/// From one word about a reload that waits to the next, ms.
const TELL_MS: u64 = 5_000;
/// Steps from one look at the signals to the next while there is work.
const HEAR_EVERY: u64 = 64;

pub(super) fn run(
    service: &mut Service,
    signals: Option<&SignalFd>,
    next: &mut dyn FnMut() -> Option<Plan>,
) -> Result<(Ended, Option<Plan>), ServiceError> {
    let mut progress = Progress::default();
    let mut plan = None;
    for step in 0u64.. {
        // A wait ends at a signal; a loop that never waits looks now and then.
        if step % HEAR_EVERY == 0 {
            hear(service, signals);
        }
        let ended = service.listeners.iter().any(|listener| listener.counters.over.load(Ordering::Acquire));
        let over = (ended || service.inputs.iter().any(Input::is_over)) && service.inputs.iter().all(Input::may_end);
        if service.stop.times() > 0 || over {
            break;
        }
        if service.stop.reload.swap(false, Ordering::SeqCst) {
            plan = next();
            if plan.is_some() {
                break;
            }
        }
        let now_ms = service.clock.mono_ms();
        progress.tick(service, now_ms);
        service.publish(now_ms);
        if let Some(output) = service.outputs.iter().find(|output| output.thread.is_finished()) {
            return Err(ServiceError::OutputEnded(output.name.clone()));
        }
        filters(service, now_ms)?;
        if let Some(until_ms) = turn(service)? {
            let until_ms = until_ms.min(service.chain.expires_at_ms().unwrap_or(u64::MAX));
            wait(service, signals, until_ms.min(now_ms + WAIT_MAX_MS))?;
            hear(service, signals);
        }
    }
    let ended = drain(service, signals, plan.is_some())?;
    progress.last(service, ended);
    // Asked to stop while it was draining for a reload: then it stops.
    Ok((ended, plan.filter(|_| service.stop.times() == 0)))
}

/// Lets records go that filters kept back long enough.
fn filters(service: &Service, now_ms: u64) -> Result<(), ServiceError> {
    whole(service)?;
    if service.chain.expires_at_ms().is_some_and(|due| due <= now_ms) {
        service.chain.expire(&service.buffer, now_ms);
    }
    Ok(())
}

/// Whether no filter has panicked.
fn whole(service: &Service) -> Result<(), ServiceError> {
    let broken = service.chain.broken().map(|filter| ServiceError::FilterPanicked(filter.to_owned()));
    broken.map_or(Ok(()), Err)
}

/// One step of each input; when all have nothing to do, until when.
fn turn(service: &mut Service) -> Result<Option<u64>, ServiceError> {
    let mut until = Some(u64::MAX);
    for input in &mut service.inputs {
        if service.office.watched {
            input.look(service.clock.mono_ms());
        }
        match input.step(&service.buffer, &service.chain, service.clock)? {
            Did::Something => until = None,
            Did::Nothing(at) => until = until.map(|until| until.min(at.unwrap_or(u64::MAX))),
        }
    }
    Ok(until)
}

/// Nothing new is read; what was read is delivered and stored. Before a reload, what cannot be read again is waited for
/// beyond the grace time: the process goes on, so there is no reason to lose it.
fn drain(service: &mut Service, signals: Option<&SignalFd>, reload: bool) -> Result<Ended, ServiceError> {
    let deadline = service.clock.mono_ms() + service.grace_ms;
    let mut told_ms = deadline;
    // Nobody listens any more when all such inputs have ended.
    let _ = service.listening.send(true);
    let mut closed = false;
    loop {
        hear(service, signals);
        if service.stop.times() > 1 {
            return Ok(Ended::AtOnce);
        }
        whole(service)?;
        let now_ms = service.clock.mono_ms();
        service.publish(now_ms);
        for input in &mut service.inputs {
            input.settle(&service.buffer)?;
        }
        let quiet = service.listeners.iter().all(|listener| listener.thread.is_finished());
        if !closed {
            // What waits for more of the same waits in vain; what waits for an answer may still have it.
            service.chain.finish(&service.buffer, service.clock.mono_ms());
        }
        if quiet && !closed && service.chain.is_empty() {
            closed = true;
            service.buffer.close();
        }
        // In the order in which records go, so that what moves on meanwhile is still met, and what is taken last leaves
        // nothing: outputs take while this looks.
        let kept_back = !service.fleeting.is_empty() && !service.chain.is_empty();
        let fleeting: usize = service.fleeting.iter().map(|&input| service.buffer.used(input)).sum();
        let empty = closed && service.buffer.is_empty();
        let held = reload && (fleeting > 0 || kept_back) && service.stop.times() == 0;
        let over = now_ms >= deadline;
        if over && held && now_ms >= told_ms {
            told_ms = now_ms + TELL_MS;
            tracing::warn!(bytes = fleeting, "reload: waiting for outputs to take what could not be read again");
        }
        if empty || (over && !held) {
            for input in &mut service.inputs {
                input.finish(&service.buffer)?;
            }
            return Ok(if empty { Ended::Drained } else { Ended::GraceOver });
        }
        // A listener ends, what it sent is taken and filters let go without waking anybody.
        let quick = !closed || !service.listeners.is_empty();
        let look =
            if quick { now_ms + LISTENERS_MS } else { deadline.max(now_ms + LISTENERS_MS).min(now_ms + WAIT_MAX_MS) };
        wait(service, signals, look)?;
    }
}

/// Takes SIGHUP as a request to reload, every other signal as one to stop.
fn hear(service: &Service, signals: Option<&SignalFd>) {
    let Some(signals) = signals else { return };
    while let Ok(Some(signal)) = signals.read_signal() {
        if signal.ssi_signo == Signal::SIGHUP as u32 {
            service.stop.reload();
        } else {
            service.stop.ask();
        }
    }
}

fn wait(service: &Service, signals: Option<&SignalFd>, until_ms: u64) -> Result<(), ServiceError> {
    let left = until_ms.saturating_sub(service.clock.mono_ms());
    let timeout = PollTimeout::try_from(left.min(60_000)).unwrap_or(PollTimeout::MAX);
    let mut fds = vec![PollFd::new(service.buffer.wake_fd().as_fd(), PollFlags::POLLIN)];
    fds.extend(signals.map(|signals| PollFd::new(signals.as_fd(), PollFlags::POLLIN)));
    let reading = service.stop.times() == 0;
    let events = service.inputs.iter().filter(|_| reading).filter_map(|input| input.disk.event_fd());
    fds.extend(events.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
    match poll(&mut fds, timeout) {
        Ok(_) | Err(Errno::EINTR) => {
            service.buffer.slept();
            Ok(())
        }
        Err(errno) => Err(ServiceError::System { what: "wait for events", error: errno.into() }),
    }
}
