use std::{
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::*;
use crate::{clock, support::must_run};

/// The longest that anything is waited for, looks 10 ms apart.
const LOOKS: usize = 2_000;

/// A child in its own process group, ended with the test.
struct Busy(Child);

impl Busy {
    /// A shell that enters the groups before it does what `script` says.
    fn start(fence: &Fence, script: &str) -> Self {
        let enter: String = fence.entries().iter().map(|path| format!("echo 0 > '{}' && ", path.display())).collect();
        let child = Command::new("sh")
            .args(["-c", &format!("{enter}{script}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        Self(child.unwrap())
    }

    fn cpu_us(&self) -> i64 {
        let clock = nix::time::ClockId::pid_cpu_clock_id(nix::unistd::Pid::from_raw(self.0.id().cast_signed()));
        let time = clock.and_then(nix::time::ClockId::now).unwrap();
        time.tv_sec() * 1_000_000 + time.tv_nsec() / 1000
    }

    /// Waits until it got no more than so much of a core, thousandths, over a second or more from now on. Whoever limits it
    /// may come late on a crowded machine, and takes off later what was too much.
    fn is_held_to(&self, most: i64) {
        let (cpu, wall) = (self.cpu_us(), clock::mono_us());
        let mut shares = Vec::new();
        while shares.len() < 10 {
            clock::wait(Duration::from_secs(1));
            let share = (self.cpu_us() - cpu) * 1000 / (clock::mono_us() - wall).cast_signed();
            if share <= most {
                return;
            }
            shares.push(share);
        }
        panic!("it got {shares:?} thousandths of a core, second by second, and not {most}");
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until(what: &str, mut happened: impl FnMut() -> bool) {
    for _ in 0..LOOKS {
        if happened() {
            return;
        }
        clock::wait(Duration::from_millis(10));
    }
    panic!("not seen: {what}");
}

/// Groups on this machine, or why there are none.
#[expect(clippy::print_stderr, reason = "a test that skips says why")]
fn cgroups() -> Option<Cgroups> {
    let cgroups = Cgroups::of_this_process();
    if cgroups.cpu.is_none() || cgroups.memory.is_none() {
        assert!(
            !must_run(),
            "no control groups with cpu and memory can be written here: CI must run this test, as root"
        );
        eprintln!("skipped: no control groups with cpu and memory can be written here (run as root)");
        return None;
    }
    Some(cgroups)
}

const SPIN: &str = "while :; do :; done";

#[test]
fn a_control_group_grants_its_share_and_counts_the_wait() {
    let Some(cgroups) = cgroups() else { return };
    let fence = Fence::raise(&cgroups, "spin", Limits { cpu_milli: Some(100), memory_bytes: Some(64 << 20) });
    assert!(matches!((fence.cpu(), fence.memory()), (Means::Cgroup(_), Means::Cgroup(_))), "{fence:?}");
    // A new program, as behind the leash: its memory is charged to the group.
    let busy = Busy::start(&fence, &format!("exec sh -c '{SPIN}'"));
    until("throttling", || fence.usage().throttled_us > 100_000);
    busy.is_held_to(200);
    assert_eq!(fence.usage().oom_kills, 0);
    assert!(fence.usage().memory_max_bytes > 0);
    let paths: Vec<PathBuf> = fence.entries();
    drop(fence);
    assert!(paths.iter().all(|path| !path.exists()), "the groups are gone, with what was in them");
}

#[test]
fn an_end_by_memory_is_counted() {
    let Some(cgroups) = cgroups() else { return };
    let fence = Fence::raise(&cgroups, "eat", Limits { cpu_milli: None, memory_bytes: Some(16 << 20) });
    let mut eater = Busy::start(&fence, r"x=$(head -c 200000000 /dev/zero | tr '\0' a); echo ${#x}");
    let mut ended = None;
    until("an end", || {
        ended = eater.0.try_wait().unwrap();
        ended.is_some()
    });
    assert!(!ended.unwrap().success());
    assert!(fence.usage().oom_kills >= 1, "{:?}", fence.usage());
}

#[test]
fn without_control_groups_the_duty_cycle_grants_the_share() {
    let fence = Fence::raise(&Cgroups::default(), "spin", Limits { cpu_milli: Some(200), memory_bytes: Some(1 << 20) });
    assert!(matches!(fence.cpu(), Means::DutyCycle(_)));
    assert!(matches!(fence.memory(), Means::NotHeld(_)));
    assert!(fence.entries().is_empty());
    let busy = Busy::start(&fence, SPIN);
    fence.follow(Some(busy.0.id()));
    until("a stop", || fence.usage().throttled_us > 0);
    busy.is_held_to(300);
}

#[test]
fn a_process_that_a_fault_has_stopped_stays_stopped() {
    use crate::process::{Victim, stat::State};
    let fence = Fence::raise(&Cgroups::default(), "spin", Limits { cpu_milli: Some(100), memory_bytes: None });
    let busy = Busy::start(&fence, SPIN);
    fence.follow(Some(busy.0.id()));
    until("a stop", || fence.usage().throttled_us > 0);
    let victim = Victim::of(busy.0.id()).unwrap();
    fence.hold_off(true);
    assert_ne!(victim.state(), Some(State::Stopped), "it runs when the duty cycle is off");
    let paused = victim.pause().unwrap();
    for _ in 0..30 {
        clock::wait(Duration::from_millis(10));
        assert_eq!(victim.state(), Some(State::Stopped));
    }
    drop(paused);
    fence.hold_off(false);
    let before = fence.usage().throttled_us;
    until("the duty cycle again", || fence.usage().throttled_us > before);
    drop(fence);
    until("the process running", || victim.state() != Some(State::Stopped));
}

#[test]
fn a_process_that_ends_and_one_that_follows_it_are_no_trouble() {
    let fence = Fence::raise(&Cgroups::default(), "short", Limits { cpu_milli: Some(100), memory_bytes: None });
    let first = Busy::start(&fence, "exit 0");
    fence.follow(Some(first.0.id()));
    drop(first);
    let second = Busy::start(&fence, SPIN);
    fence.follow(Some(second.0.id()));
    until("a stop of the second", || fence.usage().throttled_us > 0);
}
