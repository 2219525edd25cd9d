//! Why records were lost: the shape of each hole against the lives of the files it lies in.
//!
//! ```text
//! whole files      ▓▓▓▓│····│····│▓▓▓▓   inode-reuse · rename-create-gap
//! end of a file    ▓▓▓·│▓▓▓▓             closed-unread-after-rotation · unlinked-unread
//! around a kill    ▓▓··▓▓                agent-crash
//! while halved     ▓▓·▓·▓▓               refused-in-part
//! around a cut     ▓▓··▓▓                cut-on-the-way
//! to the very end  ▓▓··│····│····        all-after
//! sent, no files   ▓▓··▓▓·▓▓             taken-and-dropped
//! ```

mod unread;
mod whole;
mod wire;

use std::ops::Range;

use self::whole::Whole;
use super::{
    Explained, Kind,
    history::History,
    life::{Ending, Life},
    words::{name, seconds, short},
};
use crate::{
    books::{Books, StreamBook},
    identity::StreamId,
    ranges::sentence,
};

/// How long a look at the streams may lag behind what happened, microseconds.
const SLACK_US: u64 = 1_000_000;

/// Everything that is asked about one stream on one route.
pub(super) struct Case<'a> {
    pub(super) history: &'a History,
    pub(super) books: &'a Books,
    /// Its entry of the books: what arrived, and when.
    pub(super) entry: StreamId,
    /// Whose files it is about.
    pub(super) stream: StreamId,
}

impl Case<'_> {
    fn book(&self) -> &StreamBook {
        &self.books.streams()[usize::from(self.entry.0)]
    }

    /// Explains every lost record of the stream.
    pub(super) fn explain(&self) -> Vec<Explained> {
        let whole = self.whole_files();
        self.book().lost().map(|hole| self.hole(hole, whole.as_ref())).collect()
    }

    fn hole(&self, hole: Range<u64>, whole: Option<&Whole>) -> Explained {
        let (kind, evidence) = self.reason(&hole, whole);
        Explained { kind, count: hole.end - hole.start, seqs: hole, evidence }
    }

    fn reason(&self, hole: &Range<u64>, whole: Option<&Whole>) -> (Kind, Vec<String>) {
        if let Some(ending) = self.crash(hole) {
            return (Kind::AgentCrash, vec![self.crash_sentence(hole, ending)]);
        }
        if let Some(sentence) = self.refused_in_part(hole) {
            return (Kind::RefusedInPart, vec![sentence]);
        }
        let Some((_, first)) = self.history.holder(self.stream, hole.start) else {
            return match (self.cut(hole), self.taken(hole)) {
                (Some(sentence), _) => (Kind::CutOnTheWay, vec![sentence]),
                (None, Some(sentence)) => (Kind::TakenAndDropped, vec![sentence]),
                (None, None) => (Kind::Unexplained, vec![self.unexplained(hole)]),
            };
        };
        let from_start = hole.start == first.first_seq;
        if from_start
            && self.never_opened(first)
            && let Some(whole) = whole
        {
            return (whole.kind, whole.evidence.clone());
        }
        if let Some(sentence) = self.cut(hole) {
            return (Kind::CutOnTheWay, vec![sentence]);
        }
        let to_end = hole.end >= self.book().marks().written;
        let spans = hole.end > first.end_seq;
        if to_end && (spans || first.closed_us.is_none()) {
            return (Kind::AllAfter, vec![self.all_after(hole, first)]);
        }
        let held = first.unlinked.as_ref().is_some_and(|unlinked| unlinked.held == Some(true));
        if hole.end >= first.end_seq && (!from_start || held) {
            return self.unread(hole, first);
        }
        (Kind::Unexplained, vec![self.unexplained(hole)])
    }

    /// The end of the agent that the hole lies around: it begins where deliveries stood then, and ends in what was written.
    fn crash(&self, hole: &Range<u64>) -> Option<&Ending> {
        let before = self.book().arrived().count_in(0..hole.start);
        self.history.endings.iter().filter(|ending| self.is_on_the_way(ending)).find(|ending| {
            let Some(then) = self.history.sample_at(self.entry, ending.t_us) else { return false };
            let Some(soon) = self.history.sample_at(self.entry, ending.t_us + SLACK_US) else { return false };
            let later = self.book().arrived().next_set(hole.end).is_some();
            then.1 <= before
                && before <= soon.1.max(then.1)
                && hole.end <= soon.0
                && later
                && ending.restarted_us.is_some()
        })
    }

    /// What is said of a hole whose neighbours arrived while the sink took one half of each request and refused the other.
    fn refused_in_part(&self, hole: &Range<u64>) -> Option<String> {
        let routes = self.books.routes();
        let before = self.book().arrived().count_in(0..hole.start);
        self.book().arrived().next_set(hole.end)?;
        let around_us = self.history.delivered_us(self.entry, before.max(1))?;
        let route = routes.name(routes.route_of(self.entry));
        let halved = self.history.halved_around(&route, around_us.saturating_sub(SLACK_US), around_us + 1)?;
        Some(format!(
            "the sink refused half of each request from {} to {}; records {} were in such halves and were not sent again.",
            seconds(halved.from_us),
            halved.until_us.map_or_else(|| "the end".to_owned(), seconds),
            sentence([hole.clone()], 1)
        ))
    }

    /// For records that were sent and lie in no file: the other side took them, lived on, and delivered what came later.
    fn taken(&self, hole: &Range<u64>) -> Option<String> {
        let (_, most) = self.books.source_band(self.books.routes().route_of(self.entry));
        let later = self.book().arrived().next_set(hole.end)?;
        let mut ends = self.history.endings.iter().filter(|ending| self.is_on_the_way(ending));
        let lived_on = ends.all(|ending| {
            self.history.sample_at(self.entry, ending.t_us).is_some_and(|then| then.0 <= hole.start || then.0 > later)
        });
        (most == 0 && lived_on).then(|| {
            format!(
                "no send of records {} failed, {} was up, and record {later} after them arrived: it took them and dropped them.",
                sentence([hole.clone()], 1),
                self.reader()
            )
        })
    }

    fn all_after(&self, hole: &Range<u64>, first: &Life) -> String {
        let before = self.book().arrived().count_in(0..hole.start);
        let when = self
            .history
            .delivered_us(self.entry, before)
            .map_or_else(String::new, |t| format!(" after {}", seconds(t)));
        format!(
            "nothing of the stream arrived{when}: every record from {} on is missing, the first of them in generation {} of {} \
             (inode {}).",
            hole.start,
            first.generation,
            name(&first.path),
            first.file.inode
        )
    }

    fn unexplained(&self, hole: &Range<u64>) -> String {
        // What is sent and not written to a file has none.
        let place = self.history.holder(self.stream, hole.start).map_or_else(String::new, |(_, life)| {
            format!(" of generation {} of {} (inode {})", life.generation, name(&life.path), life.file.inode)
        });
        let records = sentence([hole.clone()], 1);
        format!("records {records}{place} are missing, and nothing on record explains the hole.")
    }

    /// True if no record of a file arrived that had any.
    fn untouched(&self, life: &Life) -> bool {
        let routes = self.books.routes();
        let entry = routes.entry(routes.route_of(self.entry), StreamId(life.stream));
        let book = &self.books.streams()[usize::from(entry.0)];
        life.first_seq < life.end_seq && book.arrived().count_in(life.first_seq..life.end_seq) == 0
    }

    fn crash_sentence(&self, hole: &Range<u64>, ending: &Ending) -> String {
        let restarted =
            ending.restarted_us.map_or_else(String::new, |t| format!(" and was started again at {}", seconds(t)));
        let end_of = self.history.holder(self.stream, hole.start).map(|(_, life)| life).filter(|life| {
            let back_us = ending.restarted_us.unwrap_or(u64::MAX);
            hole.end == life.end_seq && life.renamed.as_ref().is_some_and(|(t, _)| *t < back_us)
        });
        let why = match end_of.and_then(|life| Some((life, life.renamed.as_ref()?.0))) {
            Some((life, t)) => format!(
                "they were the end of generation {} of {}, rotated at {}, and it did not go back to them.",
                life.generation,
                name(&life.path),
                seconds(t)
            ),
            None => "it went on behind them: it had noted them as done when it had only read them.".to_owned(),
        };
        format!(
            "{} ended at {} ({}){restarted}; records {} were on disk by then and not yet delivered, and {why}",
            ending.who(),
            seconds(ending.t_us),
            short(&ending.how),
            sentence([hole.clone()], 1)
        )
    }
}
