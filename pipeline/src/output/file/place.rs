//! Which file a tag goes to.

use std::path::{Component, Path, PathBuf};

use crate::{buffer::route::Matching, output::name};

/// Deepest path below the root, components.
const DEPTH_MAX: usize = 32;

/// Which files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In one folder.
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The file in it; without one, the tag made safe.
        file: Option<String>,
    },
    /// The tag is an absolute path.
    Tag {
        /// Nothing is written elsewhere.
        root: PathBuf,
    },
}

impl Place {
    /// The folder that is never left.
    pub(super) fn root(&self) -> &Path {
        match self {
            Self::Folder { folder, .. } => folder,
            Self::Tag { root } => root,
        }
    }

    /// The file of a tag, relative to the root; none if it would lie elsewhere.
    pub(super) fn path(&self, tag: &str) -> Option<PathBuf> {
        match self {
            Self::Folder { file: Some(file), .. } => Some(file.into()),
            Self::Folder { file: None, .. } => Some(name::safe(tag).into()),
            Self::Tag { root } => {
                let root = root.to_str()?.trim_end_matches('/');
                let below = tag.strip_prefix(root)?.strip_prefix('/')?;
                let depth = below.split('/').count();
                (!below.is_empty() && depth <= DEPTH_MAX).then(|| below.split('/').map(name::safe).collect())
            }
        }
    }
}

/// The folder below which all tags of a pattern lie, if they do: `/log/out/*` has `/log/out`.
pub(super) fn root_of(matches: &Matching) -> Option<PathBuf> {
    let Matching::Pattern(pattern) = matches else { return None };
    let fixed = &pattern[..pattern.find('*').unwrap_or(pattern.len())];
    let root = PathBuf::from(&fixed[..fixed.rfind('/')?]);
    let plain = root.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    (root.is_absolute() && root.parent().is_some() && plain).then_some(root)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tags() -> Place {
        Place::Tag { root: "/log/out".into() }
    }

    #[test]
    fn a_tag_that_is_a_path_stays_below_the_root() {
        let table = [
            ("/log/out/2026-1121/access.log", Some("2026-1121/access.log")),
            ("/log/out/a//b", Some("a/~/b")),
            ("/log/out/../x", Some("~2e./x")),
            ("/log/out/", None),
            ("/log/out", None),
            ("/log/outside/x", None),
            ("/etc/passwd", None),
            ("access", None),
        ];
        for (tag, expected) in table {
            assert_eq!(tags().path(tag), expected.map(PathBuf::from), "{tag}");
        }
    }

    #[test]
    fn the_root_is_what_every_tag_of_the_pattern_begins_with() {
        for (pattern, root) in [
            ("/log/out/*", Some("/log/out")),
            ("/log/out/a*.log", Some("/log/out")),
            ("/log/out/a.log", Some("/log/out")),
            ("/*", None),
            ("*", None),
            ("kube.*", None),
            ("/log/../*", None),
        ] {
            assert_eq!(root_of(&pattern.into()), root.map(PathBuf::from), "{pattern}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100_000))]
        #[test]
        fn no_tag_leaves_the_root_and_no_two_share_a_file(
            one in "(/log/out/)?[a-cA-C./~\\x00-\\x1f\\u{7f}-\\u{100}]{0,12}",
            other in "(/log/out/)?[a-cA-C./~\\x00-\\x1f\\u{7f}-\\u{100}]{0,12}",
        ) {
            let folded = |tag: &str| tags().path(tag).map(|path| path.to_string_lossy().to_lowercase());
            if let Some(path) = tags().path(&one) {
                prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
                prop_assert!(path.components().all(|part| part.as_os_str().len() <= 255));
                prop_assert!(path.to_string_lossy().bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert_eq!(one == other, folded(&one) == folded(&other));
            }
            let folded = |tag: &str| name::safe(tag).to_lowercase();
            prop_assert_eq!(one == other, folded(&one) == folded(&other));
        }
    }
}
