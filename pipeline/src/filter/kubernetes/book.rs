//! What is known of which pod: bounded, with a time to live.

use std::{collections::BTreeMap, sync::Arc};

use super::{meta::Meta, pod::Key};

/// Most pods that are remembered.
const PODS_MAX: usize = 4096;
/// A question without an answer is asked again after so long, ms.
const AGAIN_MS: u64 = 10_000;

/// Pods that were asked for.
#[derive(Debug)]
pub(super) struct Book {
    pods: BTreeMap<Key, Entry>,
    /// How long an answer counts, ms; 0 for ever.
    ttl_ms: u64,
}

#[derive(Debug)]
struct Entry {
    meta: Option<Arc<Meta>>,
    /// Asked, and not answered yet.
    open: bool,
    /// Its records do not wait for the answer any more.
    late: bool,
    since_ms: u64,
    used_ms: u64,
}

/// What is known of a pod.
#[derive(Debug)]
pub(super) enum Found {
    /// This; if stale, it should be asked again.
    Known {
        /// What the server said.
        meta: Arc<Meta>,
        /// It is older than it should be.
        stale: bool,
    },
    /// It was asked for and there is nothing to wait for.
    Missing,
    /// It should be asked for.
    New,
}

impl Book {
    pub(super) fn new(ttl_ms: u64) -> Self {
        Self { pods: BTreeMap::new(), ttl_ms }
    }

    pub(super) fn find(&mut self, key: &Key, now_ms: u64) -> Found {
        let Some(entry) = self.pods.get_mut(key) else { return Found::New };
        entry.used_ms = now_ms;
        let age_ms = now_ms.saturating_sub(entry.since_ms);
        match &entry.meta {
            Some(meta) => {
                let stale = self.ttl_ms > 0 && age_ms >= self.ttl_ms && !entry.open;
                entry.open |= stale;
                Found::Known { meta: Arc::clone(meta), stale }
            }
            None if entry.open && entry.late => Found::Missing,
            None if entry.open || age_ms >= AGAIN_MS => Found::New,
            None => Found::Missing,
        }
    }

    /// Notes that it is asked for; false if there is no place for another question.
    pub(super) fn ask(&mut self, key: &Key, now_ms: u64) -> bool {
        if self.pods.len() >= PODS_MAX && !self.pods.contains_key(key) {
            let oldest = self.pods.iter().filter(|(_, entry)| !entry.open).min_by_key(|(_, entry)| entry.used_ms);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { return false };
            self.pods.remove(&oldest);
        }
        let entry = Entry { meta: None, open: true, late: false, since_ms: now_ms, used_ms: now_ms };
        self.pods.insert(key.clone(), entry);
        true
    }

    /// Nobody waits for the answer any more.
    pub(super) fn late(&mut self, key: &Key, now_ms: u64) {
        if let Some(entry) = self.pods.get_mut(key) {
            (entry.late, entry.since_ms) = (true, now_ms);
        }
    }

    /// The answer. One that says nothing leaves what was known before.
    pub(super) fn answered(&mut self, key: &Key, answer: Result<Meta, String>, now_ms: u64) {
        let Some(entry) = self.pods.get_mut(key) else { return };
        (entry.open, entry.late, entry.since_ms) = (false, false, now_ms);
        if let Ok(meta) = answer {
            entry.meta = Some(Arc::new(meta));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key { namespace: "n".to_owned(), name: name.to_owned(), which: String::new() }
    }

    #[test]
    fn an_answer_is_asked_again_when_it_is_old_and_counts_until_then() {
        let mut book = Book::new(1_000);
        assert!(matches!(book.find(&key("a"), 0), Found::New));
        book.ask(&key("a"), 0);
        book.answered(&key("a"), Ok(Meta::default()), 10);
        assert!(matches!(book.find(&key("a"), 1_009), Found::Known { stale: false, .. }));
        assert!(matches!(book.find(&key("a"), 1_010), Found::Known { stale: true, .. }));
        assert!(matches!(book.find(&key("a"), 1_011), Found::Known { stale: false, .. }), "one question is enough");
        book.answered(&key("a"), Err("gone".to_owned()), 1_020);
        assert!(matches!(book.find(&key("a"), 1_030), Found::Known { .. }), "the old answer still counts");
    }

    #[test]
    fn what_was_not_found_is_asked_again_later() {
        let mut book = Book::new(0);
        book.ask(&key("a"), 0);
        book.late(&key("a"), 5);
        assert!(matches!(book.find(&key("a"), 99_999), Found::Missing), "the question is still open");
        book.answered(&key("a"), Err("not there".to_owned()), 100_000);
        assert!(matches!(book.find(&key("a"), 100_000 + AGAIN_MS - 1), Found::Missing));
        assert!(matches!(book.find(&key("a"), 100_000 + AGAIN_MS), Found::New));
    }

    #[test]
    fn the_book_is_bounded() {
        let mut book = Book::new(0);
        for n in 0..PODS_MAX as u64 + 100 {
            let key = key(&n.to_string());
            book.ask(&key, n);
            book.answered(&key, Ok(Meta::default()), n);
        }
        assert_eq!(book.pods.len(), PODS_MAX);
        assert!(matches!(book.find(&key("0"), 0), Found::New));
        let mut full = Book::new(0);
        assert!((0..PODS_MAX).all(|n| full.ask(&key(&n.to_string()), 0)));
        assert!(!full.ask(&key("more"), 0), "open questions are not forgotten");
    }
}
