//! Words for sentences that are to fit on a screen: names by their last part, times, and evidence of bounded length.

/// Longest evidence, characters: a screen cuts what is longer.
pub(super) const LONGEST: usize = 400;
/// Longest name of a file, a stream or an ending in a sentence, characters.
const LONGEST_NAME: usize = 32;
/// Characters kept of the end of a longer one: where rotators put what tells files apart.
const TAIL: usize = 19;

/// Seconds, for sentences.
pub(crate) fn seconds(t_us: u64) -> String {
    format!("{}.{:03} s", t_us / 1_000_000, t_us / 1000 % 1000)
}

/// The last component of a path, the middle left out where it is long.
pub(crate) fn name(path: &str) -> String {
    short(path.trim_end_matches('/').rsplit('/').next().unwrap_or(path))
}

/// A text of at most 32 characters, the middle left out.
pub(super) fn short(text: &str) -> String {
    let len = text.chars().count();
    if len <= LONGEST_NAME {
        return text.to_owned();
    }
    let head: String = text.chars().take(LONGEST_NAME - TAIL - 1).collect();
    let tail: String = text.chars().skip(len - TAIL).collect();
    format!("{head}…{tail}")
}

/// `1 record`, `2 records`: a number and its noun.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Sentences on one line, as many from the first on as fit.
pub(super) fn fitting(sentences: impl IntoIterator<Item = String>) -> String {
    let mut text = String::new();
    for sentence in sentences {
        let len = text.chars().count() + sentence.chars().count() + 1;
        if text.is_empty() {
            text = sentence;
        } else if len <= LONGEST {
            text.push(' ');
            text.push_str(&sentence);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_the_last_component_and_keep_both_ends() {
        assert_eq!(name("var/log/pods/a_b_c/app/0.log.20261121-062859.gz"), "0.log.20261121-062859.gz");
        assert_eq!(name("logs/"), "logs");
        let docker = format!("var/lib/docker/{}-json.log.1.gz", "3f".repeat(32));
        assert_eq!(name(&docker), "3f3f3f3f3f3f…f3f3f-json.log.1.gz");
    }

    proptest! {
        #[test]
        fn any_name_is_short(path in ".*") {
            prop_assert!(name(&path).chars().count() <= LONGEST_NAME);
        }

        #[test]
        fn what_does_not_fit_is_left_out_whole(lens in prop::collection::vec(1usize..300, 1..6)) {
            let text = fitting(lens.iter().map(|&len| "x".repeat(len)));
            prop_assert!(text.chars().count() <= LONGEST);
            prop_assert!(text.split(' ').all(|part| lens.contains(&part.len())));
        }
    }
}
