//! The nearest known word to one that is unknown: the fewest letters to change, insert, drop or swap.

/// The known word that is near enough to `word` to be meant, if any.
pub(super) fn nearest(word: &str, known: &'static [&'static str]) -> Option<&'static str> {
    nearest_of(word, known.iter().copied())
}

/// As [`nearest`], of any words.
pub(crate) fn nearest_of<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<u8> = word.bytes().take(64).map(|byte| byte.to_ascii_lowercase()).collect();
    known
        .map(|candidate| (distance(&word, candidate.to_ascii_lowercase().as_bytes()), candidate))
        .filter(|&(distance, candidate)| distance <= 1 + candidate.len() / 4)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

fn distance(from: &[u8], to: &[u8]) -> usize {
    let mut before = vec![0; to.len() + 1];
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, &a) in from.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, &b) in to.iter().enumerate() {
            let mut best = (row[j] + usize::from(a != b)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a == to[j - 1] && from[i - 1] == b {
                best = best.min(before[j - 1] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &[&str] = &["Path", "Path_Key", "Refresh_Interval", "Rotate_Wait"];

    #[test]
    fn a_slip_of_the_finger_finds_its_word() {
        assert_eq!(nearest("refresh_intervall", KEYS), Some("Refresh_Interval"));
        assert_eq!(nearest("rotate_wiat", KEYS), Some("Rotate_Wait"));
        assert_eq!(nearest("pth", KEYS), Some("Path"));
    }

    #[test]
    fn a_word_that_is_far_from_all_finds_none() {
        assert_eq!(nearest("colour", KEYS), None);
        assert_eq!(nearest("", KEYS), None);
    }
}
