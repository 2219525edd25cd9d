//! Random worlds: nothing lost, nothing out of order, nothing doubled but what a kill explains.

use proptest::prelude::*;

use super::bench::{Act, Bench};

fn common() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (1u8..20).prop_map(Act::Write),
        6 => (1u8..60).prop_map(Act::Run),
        2 => (1u16..120).prop_map(Act::Wait),
        2 => Just(Act::Stopped),
        2 => Just(Act::Taken),
        1 => any::<bool>().prop_map(Act::Full),
    ]
}

fn kubelet() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => common(),
        2 => (0u8..4).prop_map(|late| Act::Kubelet { late }),
        1 => (0u8..4).prop_map(|meanwhile| Act::Back { meanwhile }),
        1 => Just(Act::Killed),
    ]
}

fn docker() -> impl Strategy<Value = Act> {
    prop_oneof![6 => common(), 2 => Just(Act::Docker), 1 => Just(Act::Killed)]
}

fn cutting() -> impl Strategy<Value = Act> {
    prop_oneof![6 => common(), 1 => Just(Act::CopyTruncate)]
}

fn unlinking() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => common(),
        2 => (0u8..4).prop_map(|late| Act::Kubelet { late }),
        1 => Just(Act::Replaced),
        1 => Just(Act::Unlinked),
        1 => any::<bool>().prop_map(|atomic| Act::Swapped { atomic }),
    ]
}

/// What kind of disk: links, notifications, their limit, generations, birth times, pace of the world.
type Sort = (u64, bool, u8, usize, bool, bool, u8);

fn sort() -> impl Strategy<Value = Sort> {
    (any::<u64>(), any::<bool>(), 0u8..6, 1usize..40, any::<bool>(), any::<bool>(), any::<u8>())
}

fn play(sort: Sort, acts: &[Act]) -> Result<(), TestCaseError> {
    let (seed, linked, watches, cap, generations, births, pace) = sort;
    let mut bench = Bench::new(seed, linked, None);
    (bench.world.cap, bench.world.generations, bench.world.births) = (cap, generations, births);
    bench.world.pace = pace.min(200);
    bench.world.refuse_watches = watches == 0;
    if watches < 2 || !births {
        bench.replan(|plan| plan.inotify = watches != 1);
    }
    bench.judge(acts).map_err(TestCaseError::fail)
}

proptest! {

    #[test]
    fn nothing_is_lost_when_the_kubelet_rotates(sort in sort(), acts in prop::collection::vec(kubelet(), 1..40)) {
        play(sort, &acts)?;
    }

    #[test]
    fn nothing_is_lost_when_docker_shifts_its_chain(sort in sort(), acts in prop::collection::vec(docker(), 1..40)) {
        play(sort, &acts)?;
    }

    #[test]
    fn nothing_is_lost_when_a_file_is_copied_and_cut(sort in sort(), acts in prop::collection::vec(cutting(), 1..30)) {
        play(sort, &acts)?;
    }

    #[test]
    fn nothing_that_is_open_is_lost_when_names_go(sort in sort(), acts in prop::collection::vec(unlinking(), 1..30)) {
        play(sort, &acts)?;
    }
}
