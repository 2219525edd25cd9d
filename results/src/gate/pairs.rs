//! Which runs stood side by side.

use super::Facts;

/// Old and new runs as pairs of neighbours in time, if they were performed in turn. A run whose neighbour is missing is left
/// out; where more than one in five would be, the runs were not performed in turn: `None`.
pub fn in_turn<'a>(old: &'a [Facts], new: &'a [Facts]) -> Option<Vec<(&'a Facts, &'a Facts)>> {
    let mut all: Vec<(&Facts, bool)> = old.iter().map(|run| (run, false)).collect();
    all.extend(new.iter().map(|run| (run, true)));
    if all.iter().any(|(run, _)| run.started.is_empty()) {
        return None;
    }
    // Folders of the same second are numbered, so their names break the tie.
    all.sort_by(|left, right| (&left.0.started, &left.0.run).cmp(&(&right.0.started, &right.0.run)));
    let (mut pairs, mut rest) = (Vec::new(), &all[..]);
    while let [(first, first_is_new), (second, second_is_new), ..] = rest {
        let together = first_is_new != second_is_new;
        if together {
            pairs.push(if *first_is_new { (*second, *first) } else { (*first, *second) });
        }
        rest = &rest[if together { 2 } else { 1 }..];
    }
    (!pairs.is_empty() && pairs.len() * 5 >= old.len().max(new.len()) * 4).then_some(pairs)
}
