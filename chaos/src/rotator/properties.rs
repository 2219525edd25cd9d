//! What holds of every rotator, whatever came before: records go oldest first or not at all, and the directory stays bounded.

use std::path::Path;

use proptest::prelude::*;

use super::{docker, kubelet, swap, unlink};
use crate::{
    inject::{Stage, model::Model, perform},
    step::Step,
};

const LOG: &str = "0.log";

/// Records are lost by age only: those left are the last ones written, without a hole.
fn assert_suffix(model: &Model) -> Result<(), TestCaseError> {
    let left: Vec<u32> = model.reachable().into_iter().collect();
    let first = model.written() - left.len() as u32;
    prop_assert_eq!(&left, &(first..model.written()).collect::<Vec<_>>(), "in {:?}", model.names());
    Ok(())
}

fn all(model: &mut Model, steps: &[Step]) -> Result<(), TestCaseError> {
    let done = perform(steps, model, |_, _| {});
    prop_assert!(done.is_ok(), "{:?} in {:?}", done, model.names());
    Ok(())
}

fn write(model: &mut Model, records: u8) {
    (0..records).for_each(|_| model.write());
}

#[derive(Debug, Clone, Copy)]
enum Turn {
    Rotate,
    RenameBack,
    /// The kubelet dies after so many steps.
    Crash(usize),
}

fn turn() -> impl Strategy<Value = (Turn, u8, i64)> {
    let turn = prop_oneof![Just(Turn::Rotate), Just(Turn::RenameBack), (0..12usize).prop_map(Turn::Crash)];
    // Few seconds, so that stamps meet.
    (turn, 1..4u8, 0..4i64)
}

proptest! {
    #[test]
    fn the_kubelet_loses_the_oldest_only_and_keeps_to_max_files(
        turns in prop::collection::vec(turn(), 1..40), max_files in 2..6usize, archive: bool,
    ) {
        let mut model = Model::with_live(Path::new(LOG));
        let settings = kubelet::Settings { max_files, archive, ..kubelet::Settings::default() };
        let mut now = 1_769_783_101;
        for (turn, records, seconds) in turns {
            write(&mut model, records);
            now += seconds;
            let stamp = kubelet::stamp(now);
            let live_is_there = model.records_of(LOG).is_some();
            let listing = model.listing();
            let whole = kubelet::rotate(&listing, Path::new(LOG), &stamp, settings);
            match turn {
                Turn::Rotate => all(&mut model, &whole)?,
                Turn::RenameBack if live_is_there => {
                    let before = model.records_of(LOG).map(<[u32]>::to_vec);
                    all(&mut model, &kubelet::rename_back(&listing, Path::new(LOG), &stamp, settings))?;
                    prop_assert_eq!(model.records_of(LOG).map(<[u32]>::to_vec), before);
                }
                Turn::RenameBack => {}
                Turn::Crash(after) => all(&mut model, &whole[..after.min(whole.len())])?,
            }
            assert_suffix(&model)?;
            // A crash may leave a .tmp beside its source, or the source beside its .gz.
            let most = if matches!(turn, Turn::Crash(_)) { max_files + 2 } else { max_files };
            prop_assert!(model.names().len() <= most, "{:?}", model.names());
        }
    }

    #[test]
    fn the_kubelet_removes_nothing_before_it_has_to(turns in 1..12usize, max_files in 2..6usize, archive: bool) {
        let mut model = Model::with_live(Path::new(LOG));
        let settings = kubelet::Settings { max_files, archive, ..kubelet::Settings::default() };
        for turn in 1..=turns {
            write(&mut model, 2);
            // Always the same second: stamps are told apart by the rotator alone.
            let steps = kubelet::rotate(&model.listing(), Path::new(LOG), "20260130-142501", settings);
            all(&mut model, &steps)?;
            prop_assert_eq!(model.names().len(), max_files.min(turn + 1), "{:?}", model.names());
            prop_assert_eq!(model.reachable().len(), 2 * turn.min(max_files - 1));
        }
    }

    #[test]
    fn docker_loses_the_oldest_only_and_keeps_to_max_file(
        turns in prop::collection::vec(1..4u8, 1..30), max_file in 0..6usize, compress: bool,
    ) {
        let mut model = Model::with_live(Path::new(LOG));
        for (turn, records) in turns.into_iter().enumerate() {
            write(&mut model, records);
            let rotation = docker::rotate(&model.listing(), Path::new(LOG), max_file, compress);
            all(&mut model, &rotation.steps)?;
            prop_assert_eq!(model.records_of(LOG), Some(&[][..]), "the new file is empty");
            all(&mut model, &rotation.later)?;
            assert_suffix(&model)?;
            prop_assert_eq!(model.names().len(), max_file.max(1).min(turn + 2), "{:?}", model.names());
            let plain = model.names().iter().filter(|name| Path::new(name).extension().is_none_or(|tail| tail != "gz")).count();
            prop_assert!(!compress || plain == 1, "{:?}", model.names());
        }
    }

    #[test]
    fn restarts_are_collected_without_touching_the_new_container(restarts in 1..8u64) {
        let mut model = Model::with_live(Path::new(LOG));
        let (mut live, mut link) = (Path::new(LOG).to_owned(), Path::new("web_shop_nginx-id0.log").to_owned());
        model.perform(&Step::Symlink { target: live.clone(), link: link.clone() });
        for n in 1..=restarts {
            write(&mut model, 3);
            let id = format!("id{n}");
            let restart = swap::container_restart(&model.listing(), &live, &link, &id, Path::to_owned).unwrap();
            all(&mut model, &restart.rotation.steps)?;
            write(&mut model, 2);
            all(&mut model, &restart.rotation.later)?;
            prop_assert_eq!(model.names(), vec![format!("{n}.log"), format!("web_shop_nginx-id{n}.log")]);
            (live, link) = (restart.live, restart.link);
        }
    }

    #[test]
    fn a_removed_live_file_takes_its_records_with_it_and_the_writer_goes_on(records in 1..5u8) {
        let mut model = Model::with_live(Path::new(LOG));
        write(&mut model, records);
        all(&mut model, &unlink::remove_live(Path::new(LOG), 0))?;
        write(&mut model, 1);
        prop_assert_eq!(model.records_of(LOG), Some(&[u32::from(records)][..]));
    }
}
