//! Restarting a container: its next file, its next id, its next link, and the new label of its records.

use std::path::{Component, Path, PathBuf};

use chaos::{inject::StepError, rotator::swap::container_restart};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use results::identity::StreamId;

use super::{
    hands::listing,
    places::{Place, Places},
};

/// The container of a stream ends and is started again; the dead instance before the last one is collected.
pub(super) fn restart(places: &Places, seed: u64, stream: StreamId, place: &mut Place) -> Result<(), StepError> {
    let collect = std::mem::take(&mut place.later);
    places.perform(stream, place.rotation, &collect, None)?;
    let listing = listing(&place.live);
    let id = container_id(seed, stream, place.rotation);
    let restart = container_restart(&listing, &place.live, &place.link, &id, |live| target(&place.link, live))
        .map_err(|e| StepError::Writer { step: "reopen", path: place.live.clone(), why: e.to_string() })?;
    let label = restart.link.display().to_string();
    places.perform(stream, place.rotation, &restart.rotation.steps, Some(label))?;
    place.live = restart.live;
    place.link = restart.link;
    place.later = restart.rotation.later;
    Ok(())
}

fn container_id(seed: u64, stream: StreamId, life: u32) -> String {
    let mut random = Pcg64Mcg::seed_from_u64(seed ^ (u64::from(stream.0) << 32 | u64::from(life)));
    (0..4).map(|_| format!("{:016x}", random.random::<u64>())).collect()
}

/// What a link in one folder says to mean a file in another: the relative path between them.
pub(super) fn target(link: &Path, file: &Path) -> PathBuf {
    let from: Vec<Component<'_>> = link.parent().map(|dir| dir.components().collect()).unwrap_or_default();
    let to: Vec<Component<'_>> = file.components().collect();
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[shared..].iter().map(|_| Component::ParentDir);
    up.chain(to[shared..].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_says_the_way_from_its_folder_to_the_file() {
        let said = target(Path::new("/r/var/log/containers/a.log"), Path::new("/r/var/log/pods/x/1.log"));
        assert_eq!(said, Path::new("../pods/x/1.log"));
        assert_eq!(target(Path::new("a/l"), Path::new("a/f")), Path::new("f"));
    }
}
