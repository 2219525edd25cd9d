//! Why records were lost: the shape of each hole against the lives of the files it lies in.
//!
//! ```text
//! whole files      ▓▓▓▓│····│····│▓▓▓▓   inode-reuse · rename-create-gap
//! end of a file    ▓▓▓·│▓▓▓▓             closed-unread-after-rotation · unlinked-unread
//! around a kill    ▓▓··▓▓                agent-crash
//! to the very end  ▓▓··│····│····        all-after
//! ```

use std::ops::Range;

use super::{
    Explained, Kind,
    history::{Ending, History, Life, seconds},
};
use crate::{books::StreamBook, identity::StreamId, ranges::sentence};

/// How long a look at the streams may lag behind what happened, microseconds.
const SLACK_US: u64 = 1_000_000;

/// Everything that is asked about one stream.
pub(super) struct Case<'a> {
    pub(super) history: &'a History,
    pub(super) books: &'a [StreamBook],
    pub(super) stream: StreamId,
}

impl Case<'_> {
    fn book(&self) -> &StreamBook {
        &self.books[usize::from(self.stream.0)]
    }

    /// Explains every lost record of the stream.
    pub(super) fn explain(&self) -> Vec<Explained> {
        let whole = self.whole_files();
        let mut parts = Vec::new();
        for hole in self.holes() {
            self.hole(&hole, whole.as_ref(), &mut parts);
        }
        parts
    }

    /// Lost stretches; those that touch but for records damaged or lost at the source stay apart.
    fn holes(&self) -> Vec<Range<u64>> {
        self.book().lost().collect()
    }

    fn hole(&self, hole: &Range<u64>, whole: Option<&Whole>, parts: &mut Vec<Explained>) {
        let count = hole.end - hole.start;
        let mut tell = |kind, evidence| parts.push(Explained { kind, seqs: hole.clone(), count, evidence });
        if let Some(ending) = self.crash(hole) {
            return tell(Kind::AgentCrash, crash_sentence(hole, ending));
        }
        let Some((_, first)) = self.history.holder(self.stream, hole.start) else {
            return tell(Kind::Unexplained, self.unexplained(hole));
        };
        let from_start = hole.start == first.first_seq;
        if from_start && let Some(whole) = whole {
            return tell(whole.kind, whole.evidence.clone());
        }
        let to_end = hole.end >= self.book().marks().written;
        let spans = hole.end > first.end_seq;
        if to_end && (spans || first.closed_us.is_none()) {
            return tell(Kind::AllAfter, self.all_after(hole, first));
        }
        if !from_start && hole.end >= first.end_seq {
            let (kind, evidence) = self.unread(hole, first);
            return tell(kind, evidence);
        }
        tell(Kind::Unexplained, self.unexplained(hole));
    }

    /// The end of the agent that the hole lies around: it begins where deliveries stood then, and ends in what was written.
    fn crash(&self, hole: &Range<u64>) -> Option<&Ending> {
        let before = self.book().arrived().count_in(0..hole.start);
        self.history.endings.iter().find(|ending| {
            let Some(then) = self.history.sample_at(self.stream, ending.t_us) else { return false };
            let Some(soon) = self.history.sample_at(self.stream, ending.t_us + SLACK_US) else { return false };
            let later = self.book().arrived().next_set(hole.end).is_some();
            then.1 <= before
                && before <= soon.1.max(then.1)
                && hole.end <= soon.0
                && later
                && ending.restarted_us.is_some()
        })
    }

    fn all_after(&self, hole: &Range<u64>, first: &Life) -> String {
        let before = self.book().arrived().count_in(0..hole.start);
        let when = self
            .history
            .delivered_us(self.stream, before)
            .map_or_else(String::new, |t| format!(" after {}", seconds(t)));
        format!(
            "nothing of {} arrives{when}: every record from {} on is missing, the first of them in generation {} (inode {})",
            first.path, hole.start, first.generation, first.file.inode
        )
    }

    /// The end of a file is missing: it was given up before it was read.
    fn unread(&self, hole: &Range<u64>, first: &Life) -> (Kind, String) {
        let before = self.book().arrived().count_in(0..hole.start);
        let stopped_us = self.history.delivered_us(self.stream, before);
        let file = format!("generation {} of {} (inode {})", first.generation, first.path, first.file.inode);
        let records = sentence([hole.clone()], 1);
        let stopped = stopped_us
            .map_or_else(String::new, |t| format!("; the last delivered record of it was in by {}", seconds(t)));
        let unlinked = first.unlinked_us.filter(|&t| stopped_us.is_none_or(|stopped| t <= stopped + SLACK_US));
        if let Some(t) = unlinked {
            let evidence =
                format!("{file} was unlinked at {} before its end was read: records {records}{stopped}", seconds(t));
            return (Kind::UnlinkedUnread, evidence);
        }
        let Some(rotated_us) = first.renamed.as_ref().map(|(t, _)| *t).or(first.closed_us) else {
            return (Kind::Unexplained, self.unexplained(hole));
        };
        let later =
            stopped_us.map_or_else(String::new, |t| format!(", {} after that", seconds(t.saturating_sub(rotated_us))));
        let evidence = format!(
            "{file} was rotated at {} and given up{later} with records {records} unread{stopped}",
            seconds(rotated_us)
        );
        (Kind::ClosedUnread, evidence)
    }

    fn unexplained(&self, hole: &Range<u64>) -> String {
        let place = self.history.holder(self.stream, hole.start).map_or_else(
            || "no known file".to_owned(),
            |(_, life)| format!("generation {} of {} (inode {})", life.generation, life.path, life.file.inode),
        );
        format!(
            "records {} of {place} are missing, and nothing on record explains the hole",
            sentence([hole.clone()], 1)
        )
    }

    fn untouched(&self, life: &Life) -> bool {
        let book = &self.books[usize::from(life.stream)];
        life.first_seq < life.end_seq && book.arrived().count_in(life.first_seq..life.end_seq) == 0
    }

    /// An earlier holder of the file's number that this lifetime of the agent had read.
    fn tailed_before(&self, at: usize) -> Option<&Life> {
        let born = self.history.lifetime_from(self.history.lives[at].opened_us);
        let mut next = self.history.lives[at].number_of;
        while let Some(holder) = next {
            let life = &self.history.lives[holder];
            let seen_by_it = life.closed_us.is_none_or(|closed| closed >= born);
            if seen_by_it && !self.untouched(life) && life.first_seq < life.end_seq {
                return Some(life);
            }
            next = life.number_of;
        }
        None
    }

    /// Why whole files of the stream are missing, if any are.
    ///
    /// Reused numbers explain it only where each missing file had one, and no file with one got through in the same
    /// way; otherwise the files were missed because they were not there when the agent looked.
    fn whole_files(&self) -> Option<Whole> {
        let files: Vec<(usize, &Life)> =
            self.history.files(self.stream).filter(|(_, life)| life.generation > 0).collect();
        let missing: Vec<(usize, &Life)> = files.iter().copied().filter(|(_, life)| self.untouched(life)).collect();
        let &(first, life) = missing.first()?;
        let fresh_missing = missing.iter().any(|(at, _)| self.tailed_before(*at).is_none());
        let reused_read = files.iter().any(|(at, life)| {
            !self.untouched(life) && life.first_seq < life.end_seq && self.tailed_before(*at).is_some()
        });
        let of =
            format!("{} of {} later generations of {} are missing as a whole", missing.len(), files.len(), life.path);
        if let Some(holder) = self.tailed_before(first).filter(|_| !fresh_missing && !reused_read) {
            return Some(Whole {
                kind: Kind::InodeReuse,
                evidence: format!("{of}; {}", reuse(life, holder, self.stream)),
            });
        }
        let gap = self.history.gap_ms(first).map_or_else(
            || "when the file before it had been taken away".to_owned(),
            |ms| format!("{ms} ms after the file before it was renamed"),
        );
        let evidence = format!(
            "{of}; the first is generation {} (inode {}), created at {}, {gap}, and gone again before it was found; its inode \
             number does not explain it",
            life.generation,
            life.file.inode,
            seconds(life.opened_us)
        );
        Some(Whole { kind: Kind::RenameCreateGap, evidence })
    }
}

/// The verdict over the whole files that are missing.
struct Whole {
    kind: Kind,
    evidence: String,
}

fn reuse(life: &Life, holder: &Life, stream: StreamId) -> String {
    let whose = if holder.stream == stream.0 { String::new() } else { format!(" of {}", holder.path) };
    let freed = match (&holder.archived, holder.unlinked_us) {
        (Some((t, archive)), Some(freed)) => {
            format!(
                "archived to {archive} at {} and unlinked at {}, which freed the number",
                seconds(*t),
                seconds(freed)
            )
        }
        (None, Some(freed)) => format!("unlinked at {}, which freed the number", seconds(freed)),
        (_, None) => "gone by then".to_owned(),
    };
    format!(
        "generation {} got inode {} at {}, the number of generation {}{whose}, which had been read, {freed}: the agent takes the \
         new file for the old one and never opens it",
        life.generation,
        life.file.inode,
        seconds(life.opened_us),
        holder.generation
    )
}

fn crash_sentence(hole: &Range<u64>, ending: &Ending) -> String {
    let restarted = ending.restarted_us.map_or_else(String::new, |t| format!(" and started again at {}", seconds(t)));
    format!(
        "the agent ended at {} ({}){restarted}; records {} were on disk by then and not yet delivered, and it went on \
         behind them: it had noted them as done when it had only read them",
        seconds(ending.t_us),
        ending.how,
        sentence([hole.clone()], 1)
    )
}
