//! Since the last run: which kinds of findings are new, which are gone, which stayed. Who looks at a run every day wants the news
//! first.
//!
//! ```text
//!  before  lost: inode-reuse · stalled            ─┐
//!  now     lost: inode-reuse · duplicated: …      ─┴─▸ NEW duplicated: …   gone stalled   unchanged lost: inode-reuse
//! ```

use results::{
    gate::{Facts, Seen},
    outcome::Verdict,
};

use crate::text::summary::word;

/// A kind of finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// In which of the two runs it is.
    pub seen: Seen,
    /// Which kind: `lost: inode-reuse`; from outside.
    pub kind: String,
    /// The first sentence about it, of the later run that has it; from outside.
    pub example: String,
}

/// What changed from the run before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// Name of the run before; from outside.
    pub run: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// The defect that was planted then; from outside.
    pub defect: Option<String>,
    /// True if the scenario was performed with other values then.
    pub differently: bool,
    /// The kinds of findings, new ones first.
    pub changes: Vec<Change>,
}

impl Since {
    /// What changed from `before`, whose folder is called `name`; `None` if nothing did: no findings then or now, and the same
    /// verdict.
    pub fn between(name: &str, before: &Facts, now: &Facts) -> Option<Self> {
        let of = |from: &Facts, seen, wanted: &dyn Fn(&str) -> bool| -> Vec<Change> {
            let kinds = from.findings.iter().filter(|(kind, _)| wanted(kind));
            kinds.map(|(kind, example)| Change { seen, kind: kind.clone(), example: example.clone() }).collect()
        };
        let then = |kind: &str| before.findings.contains_key(kind);
        let mut changes = of(now, Seen::New, &|kind| !then(kind));
        changes.extend(of(before, Seen::Gone, &|kind| !now.findings.contains_key(kind)));
        changes.extend(of(now, Seen::Unchanged, &then));
        let news = !changes.is_empty() || before.verdict != now.verdict;
        news.then(|| Self {
            run: name.to_owned(),
            verdict: before.verdict,
            defect: before.defect.clone(),
            differently: before.scenario_hash != now.scenario_hash,
            changes,
        })
    }

    /// `1 new, 2 gone, 0 unchanged`.
    pub(crate) fn counts(&self) -> String {
        let of = |seen| self.changes.iter().filter(|change| change.seen == seen).count();
        format!("{} new, {} gone, {} unchanged", of(Seen::New), of(Seen::Gone), of(Seen::Unchanged))
    }

    /// The run before, and what was different about it; not yet escaped.
    pub(crate) fn about(&self) -> String {
        let planted = self.defect.as_ref().map(|defect| format!("with {defect} planted"));
        let values = self.differently.then(|| "with other values".to_owned());
        let more: Vec<String> = std::iter::once(word(self.verdict).to_owned()).chain(planted).chain(values).collect();
        format!("{} ({})", self.run, more.join(", "))
    }
}

/// The word for where a kind was seen.
pub(crate) fn seen(seen: Seen) -> &'static str {
    match seen {
        Seen::New => "NEW",
        Seen::Gone => "gone",
        Seen::Unchanged => "unchanged",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::examples::{failed, stored},
        text::examples::outcome,
    };

    fn facts(outcome: &results::outcome::Outcome) -> Facts {
        Facts::of(&stored(outcome, Vec::new())).unwrap()
    }

    #[test]
    fn what_came_what_went_and_what_stayed() {
        let (now, mut before) = (failed(), failed());
        before.stalls.clear();
        before.causes[0].cause = "rename-create-gap".into();
        let mut both = before.causes[0].clone();
        both.verdict = "duplicated".into();
        before.causes.push(both.clone());
        let mut now_too = now.clone();
        now_too.causes.push(both);
        let since = Since::between("R", &facts(&before), &facts(&now_too)).unwrap();
        let told: Vec<(&str, &str)> =
            since.changes.iter().map(|change| (seen(change.seen), change.kind.as_str())).collect();
        assert_eq!(
            told,
            [
                ("NEW", "lost: inode-reuse"),
                ("NEW", "stalled"),
                ("gone", "lost: rename-create-gap"),
                ("unchanged", "duplicated: rename-create-gap")
            ]
        );
        assert_eq!((since.counts().as_str(), since.about().as_str()), ("2 new, 1 gone, 1 unchanged", "R (FAIL)"));
    }

    #[test]
    fn no_news_is_not_told_and_a_verdict_that_changed_is() {
        let (good, bad) = (facts(&outcome()), facts(&failed()));
        assert_eq!(Since::between("R", &good, &good), None);
        assert_eq!(Since::between("R", &bad, &good).unwrap().counts(), "0 new, 2 gone, 0 unchanged");
        let unknown = Facts { verdict: Verdict::Unknown, ..good.clone() };
        assert_eq!(Since::between("R", &unknown, &good).unwrap().about(), "R (UNKNOWN)");
    }

    #[test]
    fn a_planted_defect_and_other_values_are_told_of_the_run_before() {
        let good = facts(&outcome());
        let before = Facts { defect: Some("x-y".into()), scenario_hash: "other".into(), ..facts(&failed()) };
        assert_eq!(
            Since::between("R", &before, &good).unwrap().about(),
            "R (FAIL, with x-y planted, with other values)"
        );
    }
}
