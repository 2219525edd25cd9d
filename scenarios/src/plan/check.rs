//! What a scenario may not say. Every refusal points at the key.

use super::{Fault, Group, Layout, Rotate, Rotator, STALL, Source, Span, Spec, SpecError, SwapHow};
use crate::spec::{FaultDo, Pace, Sink, SinkKind, units::Size};

mod fronts;
mod kube;
mod topology;

/// Shortest record: the stamp and a little to check.
const SHORTEST: u64 = 120;
/// Longest record.
const LONGEST: u64 = 8 << 20;
/// Most streams of a run.
const MOST_STREAMS: u32 = 20_000;
/// Longest stretch: a day.
const LONGEST_STRETCH: Span = Span(24 * 3600 * 1_000_000);

pub(super) fn check(spec: &Spec, source: &Source) -> Result<(), SpecError> {
    let of = Of { spec, source };
    of.names()?;
    of.time()?;
    of.load()?;
    of.rotation()?;
    of.swaps_and_removes()?;
    of.faults()?;
    of.topology()?;
    of.kube()?;
    of.agent()?;
    of.contract()
}

struct Of<'a> {
    spec: &'a Spec,
    source: &'a Source,
}

type Checked = Result<(), SpecError>;

impl Of<'_> {
    fn refuse(&self, key: &str, message: impl Into<String>) -> Checked {
        Err(self.source.wrong(key, message))
    }

    fn names(&self) -> Checked {
        if !is_name(&self.spec.name) {
            return self.refuse("name", "use lower-case letters, digits and dashes, at most 48");
        }
        for (at, group) in self.spec.load.group.iter().enumerate() {
            let key = format!("load.group.{at}.name");
            if !is_name(&group.name) {
                return self.refuse(&key, "use lower-case letters, digits and dashes, at most 48");
            }
            if self.spec.load.group[..at].iter().any(|other| other.name == group.name) {
                return self.refuse(&key, format!("another group is called `{}` too", group.name));
            }
        }
        Ok(())
    }

    fn time(&self) -> Checked {
        let time = &self.spec.time;
        if time.measure.0 == 0 {
            return self.refuse("time.measure", "a run of no length proves nothing; give for example \"10s\"");
        }
        for (key, span) in [("warm_up", time.warm_up), ("measure", time.measure), ("drain", time.drain)] {
            if span > LONGEST_STRETCH {
                return self.refuse(&format!("time.{key}"), "longer than a day; give at most \"24h\"");
            }
        }
        let stall = self.spec.contract.stall.unwrap_or(STALL);
        if time.drain.0 < stall.0 + 1_000_000 {
            let message =
                format!("a stall shows after {stall} of standing still; drain for a second longer than that at least");
            return self.refuse("time.drain", message);
        }
        Ok(())
    }

    fn load(&self) -> Checked {
        let load = &self.spec.load;
        let streams: u32 = load.group.iter().map(|group| u32::from(group.streams)).sum();
        if streams == 0 || streams > MOST_STREAMS {
            return self.refuse("load.group", format!("{streams} streams; give 1 to {MOST_STREAMS}"));
        }
        match load.pace {
            Pace::Ramp { from, to, over } if !(from >= 0.0 && to > 0.0 && from <= 1.0 && to <= 1.0) || over.0 == 0 => {
                return self
                    .refuse("load.pace", "a ramp runs from a share of 0 to 1 to a share above 0, over some time");
            }
            Pace::Burst { times, every, length }
                if !(1.0..=1000.0).contains(&times) || length.0 == 0 || length >= every =>
            {
                return self.refuse(
                    "load.pace",
                    "a burst is 1 to 1000 times the rate, and shorter than the time from one to the next",
                );
            }
            _ => {}
        }
        load.group.iter().enumerate().try_for_each(|(at, group)| self.group(at, group))
    }

    fn group(&self, at: usize, group: &Group) -> Checked {
        let key = |name: &str| format!("load.group.{at}.{name}");
        if group.streams == 0 {
            return self.refuse(&key("streams"), "a group has at least one stream");
        }
        if !(group.rate.0 > 0.0 && group.rate.0 <= 1e8) {
            return self.refuse(&key("rate"), "give a rate above 0 and up to \"100M/s\"");
        }
        if !(SHORTEST..=LONGEST).contains(&group.size.0) {
            return self.refuse(&key("size"), format!("give {SHORTEST} B to {}", Size(LONGEST)));
        }
        match group.long {
            Some(long) if long.every < 2 => self.refuse(&key("long"), "every 2nd record at most is a long one"),
            Some(long) if !(group.size.0..=LONGEST).contains(&long.size.0) => {
                self.refuse(&key("long"), format!("longer than the group's size, and at most {}", Size(LONGEST)))
            }
            _ => Ok(()),
        }
    }

    fn rotation(&self) -> Checked {
        let Some(rotate) = &self.spec.rotate else { return Ok(()) };
        self.groups("rotate.groups", rotate.groups.as_deref())?;
        match (rotate.by, self.spec.load.layout) {
            (Rotator::Docker, Layout::Kubelet | Layout::Plain) => {
                return self.refuse("rotate.by", "Docker rotates its own json-files; set load.layout = \"docker\"");
            }
            (Rotator::Kubelet, Layout::Docker) => {
                return self
                    .refuse("rotate.by", "with load.layout = \"docker\" Docker rotates; set rotate.by = \"docker\"");
            }
            _ => {}
        }
        if rotate.by == Rotator::Docker && rotate.max_size.0 < 4096 {
            return self.refuse("rotate.max_size", "Docker looks at every line: give at least \"4 KiB\"");
        }
        self.rotation_numbers(rotate)
    }

    fn rotation_numbers(&self, rotate: &Rotate) -> Checked {
        if rotate.by == Rotator::Kubelet && rotate.every.0 < 10_000 {
            return self.refuse("rotate.every", "give at least \"10ms\"");
        }
        if rotate.by == Rotator::Kubelet && rotate.max_files < 2 {
            return self.refuse("rotate.max_files", "the kubelet keeps at least 2: the live file and one rotated");
        }
        if rotate.max_files == 0 || rotate.max_files > 10_000 {
            return self.refuse("rotate.max_files", "give 1 to 10000");
        }
        if rotate.by == Rotator::Docker && rotate.fail_every > 0 {
            return self.refuse("rotate.fail_every", "only the kubelet renames back; Docker has no such step");
        }
        if rotate.reopen_delay >= rotate.every && rotate.by == Rotator::Kubelet {
            return self.refuse(
                "rotate.reopen_delay",
                "the new file would come after the next rotation; give less than rotate.every",
            );
        }
        Ok(())
    }

    fn swaps_and_removes(&self) -> Checked {
        for (at, swap) in self.spec.swap.iter().enumerate() {
            self.groups(&format!("swap.{at}.groups"), swap.groups.as_deref())?;
            if swap.every.0 < 10_000 {
                return self.refuse(&format!("swap.{at}.every"), "give at least \"10ms\"");
            }
            if self.spec.load.layout != Layout::Kubelet {
                let why = match swap.how {
                    SwapHow::ContainerRestart => "a container restarts in kubelet's layout",
                    SwapHow::Atomic | SwapHow::TwoStep => "links are swapped in kubelet's layout",
                };
                return self.refuse(&format!("swap.{at}.how"), format!("{why}; set load.layout = \"kubelet\""));
            }
        }
        for (at, remove) in self.spec.remove.iter().enumerate() {
            self.groups(&format!("remove.{at}.groups"), remove.groups.as_deref())?;
            if remove.every.0 < 10_000 {
                return self.refuse(&format!("remove.{at}.every"), "give at least \"10ms\"");
            }
            if self.spec.load.layout == Layout::Docker {
                return self.refuse(
                    &format!("remove.{at}"),
                    "the Docker daemon does not unlink live files; use another layout",
                );
            }
        }
        self.one_owner_a_group()
    }

    /// Two hands on the same files would make the order of steps a matter of chance.
    fn one_owner_a_group(&self) -> Checked {
        let spec = self.spec;
        let rotate = spec.rotate.iter().map(|rotate| ("rotate".to_owned(), rotate.groups.as_deref()));
        let swaps = spec.swap.iter().enumerate().map(|(at, swap)| (format!("swap.{at}"), swap.groups.as_deref()));
        let removes =
            spec.remove.iter().enumerate().map(|(at, remove)| (format!("remove.{at}"), remove.groups.as_deref()));
        let hands: Vec<_> = rotate.chain(swaps).chain(removes).collect();
        for (at, (key, groups)) in hands.iter().enumerate() {
            for (other, others) in &hands[..at] {
                let shared = spec.load.group.iter().find(|group| {
                    let named = |list: Option<&[String]>| list.is_none_or(|list| list.contains(&group.name));
                    named(*groups) && named(*others)
                });
                if let Some(group) = shared {
                    let message =
                        format!("group `{}` is already in the hands of {other}; name different groups", group.name);
                    return self.refuse(key, message);
                }
            }
        }
        Ok(())
    }

    fn groups(&self, key: &str, names: Option<&[String]>) -> Checked {
        let known = || self.spec.load.group.iter().map(|group| group.name.as_str());
        for name in names.unwrap_or_default() {
            if !known().any(|group| group == name) {
                let list = known().collect::<Vec<_>>().join(", ");
                return self.refuse(key, format!("no load.group is called `{name}`; there are: {list}"));
            }
        }
        if names.is_some_and(<[String]>::is_empty) {
            return self.refuse(key, "an empty list concerns nothing; leave it out for all groups");
        }
        Ok(())
    }

    fn faults(&self) -> Checked {
        self.spec.fault.iter().enumerate().try_for_each(|(at, fault)| self.fault(at, fault))
    }

    fn fault(&self, at: usize, fault: &Fault) -> Checked {
        let key = |name: &str| format!("fault.{at}.{name}");
        if fault.at >= self.spec.time.measure {
            return self.refuse(
                &key("at"),
                format!("it would never happen: the measure stretch ends after {}", self.spec.time.measure),
            );
        }
        if fault.lasts.0 == 0 {
            return self.refuse(&key("for"), "a fault of no length proves nothing; give for example \"300ms\"");
        }
        if fault.every.is_some_and(|every| every.0 <= fault.lasts.0 + 2 * fault.jitter.0) {
            return self.refuse(
                &key("every"),
                "one must be over before the next begins: longer than `for` and twice `jitter`",
            );
        }
        match &fault.what {
            FaultDo::Refuse { status } | FaultDo::Partial { status } if !(400..=599).contains(status) => {
                return self.refuse(&key("do"), "a refusal has a status from 400 to 599");
            }
            FaultDo::LoseAcks { every: 0 } => return self.refuse(&key("do"), "every 1st request at least"),
            FaultDo::Slow { delay: Span(0) } => return self.refuse(&key("do"), "a delay of 0 is none"),
            _ => {}
        }
        self.target(at, fault)
    }

    fn sink(&self, sink: &Sink, key: &dyn Fn(&str) -> String) -> Checked {
        match sink.accepts {
            Some(rate) if !(1.0..=1e8).contains(&rate.0) => self.refuse(&key("accepts"), "give \"1/s\" to \"100M/s\""),
            Some(_) if !sink.kind.answers() => self
                .refuse(&key("accepts"), "only a sink that answers can take its time; use for example kind = \"http\""),
            _ if sink.gzip && !matches!(sink.kind, SinkKind::Http | SinkKind::HttpArray) => {
                self.refuse(&key("gzip"), "only HTTP bodies are compressed")
            }
            _ if sink.shared_key.is_some() && sink.kind != SinkKind::Forward => {
                self.refuse(&key("shared_key"), "only the forward protocol has one")
            }
            _ => Ok(()),
        }
    }

    fn agent(&self) -> Checked {
        let Some(agent) = &self.spec.agent else { return Ok(()) };
        if !(64 << 10..=4 << 30).contains(&agent.buffer.0) {
            return self.refuse("agent.buffer", "give 64 KiB to 4 GiB");
        }
        for (key, span) in [("refresh", agent.refresh), ("rotate_wait", agent.rotate_wait)] {
            if span.0 == 0 || span.0 % 1_000_000 != 0 {
                return self.refuse(&format!("agent.{key}"), "agents take whole seconds, at least \"1s\"");
            }
        }
        let texts = self.spec.load.group.iter().any(|group| group.body != super::Body::NginxJson);
        if agent.merge_json && texts {
            return self
                .refuse("agent.merge_json", "a group's body is no JSON; set body = \"nginx-json\" for all groups");
        }
        Ok(())
    }

    fn contract(&self) -> Checked {
        let spec = self.spec;
        let contract = &spec.contract;
        let total: f64 = spec.load.group.iter().map(|group| group.rate.0).sum();
        if contract.min_rate.is_some_and(|least| least.0 > total) && spec.load.pace != Pace::AllOut {
            return self
                .refuse("contract.min_rate", format!("the load is {total}/s in all; ask for less, or load more"));
        }
        if contract.stall.is_some_and(|stall| stall.0 < 500_000) {
            return self.refuse("contract.stall", "give at least \"500ms\": a shorter rest is no stall");
        }
        let proof = &contract.proof;
        let archives = spec.rotate.as_ref().is_some_and(|rotate| rotate.archive);
        let hands_on = spec.rotate.is_some() || !spec.remove.is_empty() || !spec.swap.is_empty();
        let can = [
            ("rotations", proof.rotations, hands_on, "[rotate], [[swap]] or [[remove]]"),
            ("inodes_reused", proof.inodes_reused, hands_on, "[rotate], [[swap]] or [[remove]]"),
            ("archives", proof.archives, archives, "[rotate] with archive = true"),
            ("symlink_swaps", proof.symlink_swaps, !spec.swap.is_empty(), "[[swap]]"),
            ("faults", proof.faults, !spec.fault.is_empty(), "[[fault]]"),
            ("agent_interruptions", proof.agent_interruptions, !spec.fault.is_empty(), "[[fault]]"),
            ("sink_refusals", proof.sink_refusals, !spec.fault.is_empty(), "[[fault]]"),
        ];
        match can.iter().find(|(_, asked, possible, _)| *asked > 0 && !possible) {
            Some((name, _, _, needs)) => self.refuse(
                &format!("contract.proof.{name}"),
                format!("nothing in this scenario can bring it about; it needs {needs}"),
            ),
            None => Ok(()),
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 48
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
