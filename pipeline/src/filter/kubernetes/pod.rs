//! Which pod a tag names.
//!
//! ```text
//! kube.var.log.containers.<pod>_<namespace>_<container>-<container id>.log
//! kube.var.log.pods.<namespace>_<pod>_<uid>.<container>.<restarts>.log
//! ```

use std::{collections::BTreeMap, sync::Arc};

use crate::parse::pattern::Pattern;

const CONTAINERS: &str = concat!(
    r"(?<pod_name>[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*)_(?<namespace_name>[^_]+)_",
    r"(?<container_name>.+)-(?<docker_id>[a-z0-9]{64})\.log$"
);
const PODS: &str =
    r"(?:^|\.)(?<namespace_name>[^_.]+)_(?<pod_name>[^_]+)_(?<pod_uid>[^_.]+)\.(?<container_name>[^.]+)\.[0-9]+\.log$";
/// Most tags that are remembered.
const TAGS_MAX: usize = 8192;
/// Longest name there is in Kubernetes, bytes.
const NAME_MAX: usize = 253;

/// A pod, and not another of the same name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) namespace: String,
    pub(super) name: String,
    /// Its uid, or the id of the container: both are never given twice.
    pub(super) which: String,
}

/// What the tag tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pod {
    pub(super) key: Key,
    pub(super) container: String,
    pub(super) container_id: String,
    pub(super) uid: String,
}

/// Reads tags, and remembers them.
#[derive(Debug)]
pub(super) struct Names {
    prefix: String,
    patterns: Vec<Pattern>,
    known: BTreeMap<Arc<str>, Option<Arc<Pod>>>,
}

impl Names {
    pub(super) fn new(prefix: &str, own: Option<Pattern>) -> Self {
        let usual = || [CONTAINERS, PODS].map(|text| Pattern::new(text).expect("it was tested")).into();
        Self { prefix: prefix.to_owned(), patterns: own.map_or_else(usual, |own| vec![own]), known: BTreeMap::new() }
    }

    /// The pod that `tag` names.
    pub(super) fn of(&mut self, tag: &Arc<str>) -> Option<Arc<Pod>> {
        if let Some(known) = self.known.get(tag) {
            return known.clone();
        }
        let text = tag.strip_prefix(self.prefix.as_str()).unwrap_or(tag);
        let pod = self.patterns.iter().find_map(|pattern| read(pattern, text)).map(Arc::new);
        if self.known.len() >= TAGS_MAX {
            self.known.clear();
        }
        self.known.insert(Arc::clone(tag), pod.clone());
        pod
    }
}

fn read(pattern: &Pattern, text: &str) -> Option<Pod> {
    let groups = pattern.captures(text.as_bytes())?;
    let group = |name: &str| {
        let text = groups.name(name).map(|group| group.as_bytes()).unwrap_or_default();
        String::from_utf8_lossy(text).into_owned()
    };
    let either =
        |one: &str, other: &str| Some(group(one)).filter(|text| !text.is_empty()).unwrap_or_else(|| group(other));
    let (namespace, name) = (group("namespace_name"), group("pod_name"));
    let (container_id, uid) = (either("docker_id", "container_id"), either("pod_uid", "pod_id"));
    // It becomes part of a path on the API server.
    let plain = |text: &str| {
        let letters =
            text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
        !text.is_empty() && text.len() <= NAME_MAX && letters && !text.starts_with('.')
    };
    if !plain(&namespace) || !plain(&name) {
        return None;
    }
    let which = if uid.is_empty() { container_id.clone() } else { uid.clone() };
    Some(Pod { key: Key { namespace, name, which }, container: group("container_name"), container_id, uid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_layouts_of_file_names_are_read() {
        let mut names = Names::new("kube.var.log.containers.", None);
        let id = "0123456789abcdef".repeat(4);
        let pod = names.of(&format!("kube.var.log.containers.web-1.a_shop_nginx-proxy-{id}.log").into()).unwrap();
        assert_eq!(
            (&*pod.key.name, &*pod.key.namespace, &*pod.container, &pod.container_id, &pod.key.which),
            ("web-1.a", "shop", "nginx-proxy", &id, &id)
        );
        let pod = names.of(&"kube.var.log.pods.shop_web-1_6a1d-07.nginx.3.log".into()).unwrap();
        assert_eq!((&*pod.key.name, &*pod.key.namespace, &*pod.container), ("web-1", "shop", "nginx"));
        assert_eq!((&*pod.uid, &*pod.key.which), ("6a1d-07", "6a1d-07"));
    }

    #[test]
    fn a_name_that_could_lead_elsewhere_names_no_pod() {
        let mut names = Names::new("", Some(Pattern::new("^(?<pod_name>.*)_(?<namespace_name>.*)$").unwrap()));
        assert!(names.of(&"web_shop".into()).is_some());
        for tag in [
            "../../secrets_shop",
            "web_",
            "web_..",
            "a/b_shop",
            "a?b_shop",
            "A_shop",
            &format!("{}_shop", "x".repeat(300)),
        ] {
            assert_eq!(names.of(&tag.into()), None, "{tag}");
        }
    }
}
