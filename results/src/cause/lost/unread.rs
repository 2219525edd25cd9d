//! Files whose end is missing: given up before they were read.

use std::ops::Range;

use super::{Case, Kind, SLACK_US};
use crate::{
    cause::{
        life::Life,
        words::{counted, name, seconds},
    },
    ranges::sentence,
};

impl Case<'_> {
    /// The end of a file is missing. Who looked when its name went knows whether the agent had let go of it before;
    /// where nobody looked, the time of the last delivery has to tell.
    pub(super) fn unread(&self, hole: &Range<u64>, life: &Life) -> (Kind, Vec<String>) {
        let before = self.book().arrived().count_in(0..hole.start);
        let stopped_us = self.history.delivered_us(self.entry, before);
        let rotated_us = life.renamed.as_ref().map(|(t, _)| *t).or(life.closed_us);
        let file = format!("generation {} of {} (inode {})", life.generation, name(&life.path), life.file.inode);
        let records = self.records(hole, life);
        let (who, unlinked) = (self.reader(), life.unlinked.as_ref().map(|unlinked| (unlinked.t_us, unlinked.held)));
        let (kind, until_us, main) = match (unlinked, rotated_us) {
            // Rotated long before, it was given up for that as likely as for the loss of its last name.
            (Some((t, Some(true))), Some(rotated)) if rotated + SLACK_US < t => {
                let main = format!(
                    "{file} was rotated at {} with {records} unread; {who} still had it open when it was unlinked at {}, closed \
                     it after that, and none of them arrived.",
                    seconds(rotated),
                    seconds(t)
                );
                (Kind::ClosedUnread, t, main)
            }
            (Some((t, Some(true))), _) => {
                let main = format!(
                    "{file} was unlinked at {} while {who} had it open, unread from {} on: {records} never arrived.",
                    seconds(t),
                    hole.start
                );
                (Kind::UnlinkedUnread, t, main)
            }
            (Some((t, Some(false))), Some(rotated)) if rotated <= t => {
                let main = format!(
                    "{file} was rotated at {} with {records} unread; {who} had let go of it before it was unlinked at {}, and \
                     none of them arrived.",
                    seconds(rotated),
                    seconds(t)
                );
                (Kind::ClosedUnread, t, main)
            }
            (Some((t, _)), _) if stopped_us.is_none_or(|stopped| t <= stopped + SLACK_US) => {
                let main =
                    format!("{file} was unlinked at {} before its end was read: {records} never arrived.", seconds(t));
                (Kind::UnlinkedUnread, t, main)
            }
            (_, Some(rotated)) => {
                let main = format!("{file} was rotated at {} and given up with {records} unread.", seconds(rotated));
                (Kind::ClosedUnread, stopped_us.unwrap_or(rotated).max(rotated) + SLACK_US, main)
            }
            (_, None) => return (Kind::Unexplained, vec![self.unexplained(hole)]),
        };
        let last = stopped_us.map(|t| format!("What was delivered of it before was in by {}.", seconds(t)));
        let from_us =
            stopped_us.unwrap_or(until_us).min(rotated_us.unwrap_or(until_us)).min(until_us - SLACK_US.min(until_us));
        (kind, [Some(main), self.trouble(from_us, until_us), last].into_iter().flatten().collect())
    }

    /// The records of a hole that begins in a file, and how many files it goes on through.
    fn records(&self, hole: &Range<u64>, life: &Life) -> String {
        let mine = hole.start..hole.end.min(life.end_seq);
        let text = format!("records {}", sentence(std::iter::once(mine), 1));
        let further = self.history.files(self.stream).filter(|(_, later)| {
            later.first_seq >= life.end_seq && later.first_seq < hole.end && later.first_seq < later.end_seq
        });
        match further.count() as u64 {
            0 => text,
            more => format!("{text} (and on to {} in {} after it)", hole.end - 1, counted(more, "generation")),
        }
    }

    /// What held the sink up meanwhile.
    fn trouble(&self, from_us: u64, until_us: u64) -> Option<String> {
        let trouble = self.history.trouble_within(from_us, until_us, |trouble| self.is_held_up_by(trouble))?;
        let until = trouble.until_us.map_or_else(|| "the end".to_owned(), seconds);
        let (name, from) = (name(&trouble.name), seconds(trouble.from_us));
        Some(format!("The sink was held up meanwhile: {name}, from {from} to {until}."))
    }
}
