//! Tags against the `Match` of a filter or output: `*` stands for any text, also an empty one.

use crate::parse::pattern::Pattern;

/// The tags that a filter or output sees.
#[derive(Debug, Clone)]
pub enum Matching {
    /// A pattern with stars.
    Pattern(String),
    /// A regular expression that fits somewhere in the tag.
    Regex(Pattern),
}

impl PartialEq for Matching {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pattern(one), Self::Pattern(other)) => one == other,
            (Self::Regex(one), Self::Regex(other)) => one.as_str() == other.as_str(),
            _ => false,
        }
    }
}

impl From<&str> for Matching {
    fn from(pattern: &str) -> Self {
        Self::Pattern(pattern.to_owned())
    }
}

impl Matching {
    /// Whether it sees `tag`.
    pub fn matches(&self, tag: &str) -> bool {
        match self {
            Self::Pattern(pattern) => matches(pattern, tag),
            Self::Regex(regex) => regex.is_match(tag.as_bytes()),
        }
    }
}

/// Whether `tag` matches `pattern`.
pub fn matches(pattern: &str, tag: &str) -> bool {
    let (pattern, tag) = (pattern.as_bytes(), tag.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go on if the text after the last star does not fit: the star takes one byte more.
    let mut retry: Option<(usize, usize)> = None;
    while t < tag.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(&byte) if byte == tag[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after, taken)) = retry else { return false };
                retry = Some((after, taken + 1));
                (p, t) = (after, taken + 1);
            }
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, tag, expected) in [
            ("*", "", true),
            ("*", "kube.a", true),
            ("kube.*", "kube.var.log", true),
            ("kube.*", "kube", false),
            ("*.log", "a.log.b.log", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYb", false),
            ("a", "ab", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, tag), expected, "{pattern} {tag}");
        }
    }
}
