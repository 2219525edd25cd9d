//! Which paths match: `*`, `?` and `[…]` within one component, components compared one by one.
//!
//! ```text
//! [abc] [a-z]      one of these bytes        [!a-z] [^a-z]    any other        []a]  the bracket itself, or a
//! ```
//! A bracket that nothing closes stands for itself.

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
        let wild = |part: &Component<'_>| wild(part.as_os_str().as_bytes());
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
        let only = self.parts.first().filter(|part| !wild(part.as_bytes()))?;
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
        if !wild(part.as_bytes()) {
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

fn wild(part: &[u8]) -> bool {
    part.iter().any(|byte| b"*?[".contains(byte))
}

/// Whether `text` matches: `*` is any run of bytes, `?` any one byte, `[…]` one of those. Linear in memory, no recursion.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while seen < text.len() {
        if pattern.get(at) == Some(&b'*') {
            retry = Some((at, seen));
            at += 1;
        } else if let Some(length) = one(&pattern[at..], text[seen]) {
            at += length;
            seen += 1;
        } else {
            let Some((star, from)) = retry else { return false };
            retry = Some((star, from + 1));
            at = star + 1;
            seen = from + 1;
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

/// How much of the pattern stands for `byte`, if its first part does.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match *pattern.first()? {
        b'?' => Some(1),
        b'[' => match class(pattern, byte) {
            Some((length, fits)) => fits.then_some(length),
            None => (byte == b'[').then_some(1),
        },
        first => (first == byte).then_some(1),
    }
}

/// How long the class is with which `pattern` begins, and whether `byte` is in it; none if it is not closed.
fn class(pattern: &[u8], byte: u8) -> Option<(usize, bool)> {
    let other = matches!(pattern.get(1), Some(b'!' | b'^'));
    let first = 1 + usize::from(other);
    let (mut at, mut found) = (first, false);
    loop {
        let low = *pattern.get(at)?;
        if low == b']' && at > first {
            return Some((at + 1, found != other));
        }
        match pattern.get(at + 1..at + 3) {
            Some(&[b'-', high]) if high != b']' => {
                found |= (low..=high).contains(&byte);
                at += 3;
            }
            _ => {
                found |= low == byte;
                at += 1;
            }
        }
    }
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

    /// Seen with Fluent Bit 5.1.1, which asks glob(3).
    #[test]
    fn a_class_is_one_of_its_bytes() {
        let table: [(&str, &str, &str); 7] = [
            ("[ab].log", "a.log b.log", "c.log ab.log"),
            ("x[0-9a-c]*", "x0 xb1", "xd x"),
            ("[!a-c]", "d -", "a"),
            ("[^a]x", "bx", "ax"),
            ("[]a]", "] a", "b"),
            ("[a-]", "a -", "b"),
            ("*[ab", "x[ab [ab", "xa"),
        ];
        for (pattern, good, bad) in table {
            for (words, expected) in [(good, true), (bad, false)] {
                for word in words.split(' ') {
                    assert_eq!(matches(pattern.as_bytes(), word.as_bytes()), expected, "{pattern} {word}");
                }
            }
        }
        assert_eq!(Pattern::new("/var/[ab]/x.log").base, Path::new("/var"));
        assert_eq!(Pattern::new("/var/[ab].log").literal(), None);
    }

    #[test]
    fn stars_backtrack() {
        assert!(matches(b"*a*b?c", b"xxaayybbzc"));
        assert!(!matches(b"*a*b?c", b"xxaayybbc1"));
        assert!(matches(b"*", b""));
        assert!(!matches(b"?", b""));
    }
}
