//! Which paths match: `*` and `?` within one component, components compared one by one.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
};

/// A pattern, split: `/var/log/*/app*.log` is the folder `/var/log` and the components `*`, `app*.log`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// The components before the first one with a wildcard; the parent of a path without wildcards.
    pub(crate) base: PathBuf,
    /// The rest, at least one.
    pub(crate) parts: Vec<OsString>,
}

impl Pattern {
    /// Splits a path with wildcards.
    pub(crate) fn new(text: &str) -> Self {
        let parts: Vec<Component<'_>> = Path::new(text).components().collect();
        let wild = |part: &Component<'_>| part.as_os_str().as_bytes().iter().any(|byte| b"*?".contains(byte));
        let first = parts.iter().position(wild).unwrap_or(parts.len()).min(parts.len().saturating_sub(1));
        Self {
            base: parts[..first].iter().collect(),
            parts: parts[first..].iter().map(|part| part.as_os_str().to_owned()).collect(),
        }
    }

    /// Whether a name may stand at a depth of `parts`.
    pub(crate) fn fits(&self, depth: usize, name: &OsStr) -> bool {
        let part = self.parts[depth].as_bytes();
        // As in a shell: a wildcard does not reach hidden names.
        let hidden = name.as_bytes().starts_with(b".") && !part.starts_with(b".");
        !hidden && matches(part, name.as_bytes())
    }

    /// The one path of a pattern without wildcards.
    pub(crate) fn literal(&self) -> Option<PathBuf> {
        let only = self.parts.first().filter(|part| !part.as_bytes().iter().any(|byte| b"*?".contains(byte)))?;
        (self.parts.len() == 1).then(|| self.base.join(only))
    }

    /// Whether a path matches as a whole.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        let Ok(rest) = path.strip_prefix(&self.base) else { return false };
        let names: Vec<&OsStr> = rest.iter().collect();
        names.len() == self.parts.len() && names.iter().enumerate().all(|(depth, name)| self.fits(depth, name))
    }
}

/// The paths that a pattern names now, in order; without wildcards the path itself, there or not. Folders that cannot
/// be listed have none.
pub(crate) fn find(pattern: impl AsRef<Path>) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.as_ref().components() {
        let part = part.as_os_str();
        if !part.as_bytes().iter().any(|byte| b"*?".contains(byte)) {
            for path in &mut found {
                path.push(part);
            }
            continue;
        }
        let mut next = Vec::new();
        for folder in found {
            let here = folder.as_os_str().is_empty();
            let Ok(entries) = (if here { Path::new(".") } else { &folder }).read_dir() else { continue };
            let names = entries.flatten().map(|entry| entry.file_name());
            // As in a shell: a wildcard does not reach hidden names.
            let hidden = |name: &OsString| name.as_bytes().starts_with(b".") && !part.as_bytes().starts_with(b".");
            let fits = names.filter(|name| !hidden(name) && matches(part.as_bytes(), name.as_bytes()));
            next.extend(fits.map(|name| folder.join(name)));
        }
        next.sort();
        found = next;
    }
    found
}

/// Whether `text` matches: `*` is any run of bytes, `?` any one byte. Linear in memory, no recursion.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                retry = Some((at, seen));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[seen] => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((star, from)) = retry else { return false };
                retry = Some((star, from + 1));
                at = star + 1;
                seen = from + 1;
            }
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_within_its_component_and_does_not_reach_hidden_names() {
        let pattern = Pattern::new("/var/log/*/app*.log");
        assert_eq!(pattern.base, Path::new("/var/log"));
        assert!(pattern.matches(Path::new("/var/log/x/app.log")));
        assert!(pattern.matches(Path::new("/var/log/x/app-1.log")));
        assert!(!pattern.matches(Path::new("/var/log/x/y/app.log")));
        assert!(!pattern.matches(Path::new("/var/log/.x/app.log")));
        assert!(!pattern.matches(Path::new("/var/log/x/app.log.1")));
        assert_eq!(Pattern::new("/a/b.log").literal(), Some(PathBuf::from("/a/b.log")));
        assert_eq!(pattern.literal(), None);
    }

    #[test]
    fn stars_backtrack() {
        assert!(matches(b"*a*b?c", b"xxaayybbzc"));
        assert!(!matches(b"*a*b?c", b"xxaayybbc1"));
        assert!(matches(b"*", b""));
        assert!(!matches(b"?", b""));
    }
}
