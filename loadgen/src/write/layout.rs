//! Where the files of a stream lie, below a root: as kubelet, Docker or a plain application lays them out.
//!
//! ```text
//! cri     var/log/containers/<pod>_<ns>_<container>-<id>.log ─▶ var/log/pods/<ns>_<pod>_<uid>/<container>/0.log
//! docker  the same, but 0.log ─▶ var/lib/docker/containers/<id>/<id>-json.log
//! plain   logs/<stream>.log
//! ```

use std::{
    io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use super::WriteError;
use crate::{frame::Framing, payload::mix};

const NAMESPACE: &str = "bench";
const CONTAINER: &str = "app";

/// The paths of one stream, absolute if the root is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPaths {
    /// The file that is written.
    pub live: PathBuf,
    /// The path an agent is told to watch: the link where there is one, else the file.
    pub watch: PathBuf,
    /// Symbolic links, each with its target, in the order of creation (nearest to the file first).
    pub links: Vec<(PathBuf, PathBuf)>,
}

/// The pod and the container whose output a stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodIdentity {
    /// Its namespace.
    pub namespace: &'static str,
    /// Its name.
    pub pod: String,
    /// Its uid.
    pub uid: String,
    /// Name of the container.
    pub container: &'static str,
    /// Id of the container, 64 digits.
    pub container_id: String,
}

impl PodIdentity {
    /// Those of a stream; its pod is called like it unless `pod` says otherwise. Pure.
    pub fn new(name: &str, pod: Option<&str>, seed: u64) -> Self {
        let (uid, container_id) = identifiers(name, seed);
        let pod = pod.unwrap_or(name).to_owned();
        Self { namespace: NAMESPACE, pod, uid, container: CONTAINER, container_id }
    }
}

impl StreamPaths {
    /// Where a stream's files lie. Pure: the same arguments name the same paths.
    pub fn new(root: &Path, framing: Framing, name: &str, seed: u64) -> Self {
        Self::of_pod(root, framing, name, &PodIdentity::new(name, None, seed))
    }

    /// The same for a stream of this pod.
    pub fn of_pod(root: &Path, framing: Framing, name: &str, of: &PodIdentity) -> Self {
        let PodIdentity { pod, uid, container_id: id, .. } = of;
        let pods_file = root.join(format!("var/log/pods/{NAMESPACE}_{pod}_{uid}/{CONTAINER}/0.log"));
        let link = root.join(format!("var/log/containers/{pod}_{NAMESPACE}_{CONTAINER}-{id}.log"));
        match framing {
            Framing::Plain => {
                let live = root.join(format!("logs/{name}.log"));
                Self { watch: live.clone(), live, links: Vec::new() }
            }
            Framing::Cri => Self { live: pods_file.clone(), watch: link.clone(), links: vec![(link, pods_file)] },
            Framing::Docker => {
                let live = root.join(format!("var/lib/docker/containers/{id}/{id}-json.log"));
                let links = vec![(pods_file.clone(), live.clone()), (link.clone(), pods_file)];
                Self { live, watch: link, links }
            }
        }
    }

    /// Creates the directories.
    pub(crate) fn create_dirs(&self) -> Result<(), WriteError> {
        let files = self.links.iter().map(|(link, _)| link).chain([&self.live]);
        for dir in files.filter_map(|file| file.parent()) {
            std::fs::create_dir_all(dir).map_err(|source| WriteError::Directory { path: dir.to_owned(), source })?;
        }
        Ok(())
    }

    /// Creates the links; kubelet does so once the file is there.
    pub(crate) fn create_links(&self) -> Result<(), WriteError> {
        for (link, target) in &self.links {
            match symlink(target, link) {
                Ok(()) => {}
                Err(source)
                    if source.kind() == io::ErrorKind::AlreadyExists
                        && std::fs::read_link(link).is_ok_and(|old| old == *target) => {}
                Err(source) => return Err(WriteError::Link { path: link.clone(), source }),
            }
        }
        Ok(())
    }
}

/// A pod's uid and a container's id: as long as real ones, and the same for the same seed.
fn identifiers(name: &str, seed: u64) -> (String, String) {
    let mut state = name.bytes().fold(mix(seed), |state, byte| mix(state ^ u64::from(byte)));
    let mut next = || {
        state = mix(state);
        format!("{state:016x}")
    };
    let (high, low) = (next(), next());
    let uid = format!("{}-{}-4{}-a{}-{}", &high[..8], &high[8..12], &high[13..], &low[1..4], &low[4..]);
    (uid, (0..4).map(|_| next()).collect())
}

/// True if a name can stand in paths and label values without being taken apart.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    (1..=100).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_from_containers_over_pods_to_the_file() {
        let paths = StreamPaths::new(Path::new("/r"), Framing::Docker, "web-0", 1);
        assert_eq!(paths.links.len(), 2);
        assert_eq!(
            (&paths.links[0].1, &paths.links[1].1, &paths.links[1].0),
            (&paths.live, &paths.links[0].0, &paths.watch)
        );
        let name = paths.watch.file_name().and_then(|name| name.to_str()).expect("a name");
        let id =
            name.strip_prefix("web-0_bench_app-").and_then(|rest| rest.strip_suffix(".log")).expect("kubelet's form");
        assert!(id.len() == 64 && paths.live.ends_with(format!("{id}/{id}-json.log")));
        let uid =
            paths.links[0].0.parent().and_then(Path::parent).and_then(Path::file_name).and_then(|dir| dir.to_str());
        assert_eq!(uid.and_then(|dir| dir.rsplit('_').next()).map(str::len), Some(36));
    }

    #[test]
    fn names_that_would_leave_the_directory_are_told_apart() {
        assert!(
            is_plain_name("api-0")
                && !is_plain_name("../x")
                && !is_plain_name("a_b")
                && !is_plain_name("")
                && !is_plain_name(".x")
        );
    }
}
