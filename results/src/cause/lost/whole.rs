//! Files of which nothing arrived: taken for another one, or gone before they were found.

use super::{Case, Kind};
use crate::{
    cause::{
        life::Life,
        words::{counted, name, seconds, short},
    },
    identity::StreamId,
};

/// The verdict over the whole files that are missing.
pub(super) struct Whole {
    pub(super) kind: Kind,
    pub(super) evidence: Vec<String>,
}

impl Case<'_> {
    /// True if nothing of a file arrived, and it was not seen open in the agent's hands.
    pub(super) fn never_opened(&self, life: &Life) -> bool {
        self.untouched(life) && life.unlinked.as_ref().is_none_or(|unlinked| unlinked.held != Some(true))
    }

    /// An earlier holder of the file's number that this lifetime of the agent had read.
    fn tailed_before(&self, at: usize) -> Option<&Life> {
        let born = self.history.lifetime_from(self.history.lives[at].opened_us, |process| self.may_read(process));
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
    pub(super) fn whole_files(&self) -> Option<Whole> {
        let all = self.history.files(self.stream).filter(|(_, life)| life.generation > 0);
        let files: Vec<(usize, &Life)> = all.filter(|(_, life)| life.first_seq < life.end_seq).collect();
        let missing: Vec<(usize, &Life)> = files.iter().copied().filter(|(_, life)| self.never_opened(life)).collect();
        let &(first, life) = missing.first()?;
        let fresh_missing = missing.iter().any(|(at, _)| self.tailed_before(*at).is_none());
        let reused_read = files.iter().any(|(at, life)| !self.untouched(life) && self.tailed_before(*at).is_some());
        let after = files.iter().filter(|(at, _)| *at > first).count();
        let never = format!("no record of it{} ever arrived", nor(missing.len() - 1, after));
        match self.tailed_before(first).filter(|_| !fresh_missing && !reused_read) {
            Some(holder) => Some(Whole { kind: Kind::InodeReuse, evidence: vec![self.reuse(life, holder, &never)] }),
            None => Some(Whole { kind: Kind::RenameCreateGap, evidence: self.gap(first, life, &never) }),
        }
    }

    fn reuse(&self, life: &Life, holder: &Life, never: &str) -> String {
        let whose = if holder.stream == self.stream.0 {
            String::new()
        } else {
            let routes = self.books.routes();
            let entry = routes.entry(routes.route_of(self.entry), StreamId(holder.stream));
            format!(" of {}", short(&self.books.name(entry)))
        };
        let freed = holder.unlinked.as_ref().map_or_else(
            || "gone by then".to_owned(),
            |unlinked| {
                let last = name(&unlinked.path);
                let archived = holder.archived.as_ref().map_or_else(String::new, |(_, archive)| {
                    let suffix = archive.strip_prefix(unlinked.path.as_str()).map(short);
                    format!("archived to {} and ", suffix.unwrap_or_else(|| name(archive)))
                });
                format!("freed when {last} was {archived}unlinked at {}", seconds(unlinked.t_us))
            },
        );
        format!(
            "generation {} of {} (born {}) was given inode {}, the number of generation {}{whose}, {freed}; {never}: {} \
             takes a reused number for a file it knows.",
            life.generation,
            name(&life.path),
            seconds(life.opened_us),
            life.file.inode,
            holder.generation,
            self.reader()
        )
    }

    fn gap(&self, at: usize, life: &Life, never: &str) -> Vec<String> {
        let gap = self
            .history
            .gap_ms(at)
            .map_or_else(String::new, |ms| format!(", {ms} ms after the file before it was renamed"));
        let created = format!(
            "generation {} of {} (inode {}) was created at {}{gap}; {never}.",
            life.generation,
            name(&life.path),
            life.file.inode,
            seconds(life.opened_us)
        );
        let closed = life
            .unlinked
            .as_ref()
            .filter(|unlinked| unlinked.held == Some(false))
            .map_or_else(String::new, |unlinked| {
                format!(", and did not have it open when it was unlinked at {}", seconds(unlinked.t_us))
            });
        let looked = "looked before it was there and not again in time";
        vec![created, format!("Its inode number does not explain it: {} {looked}{closed}.", self.reader())]
    }
}

/// ", nor of 3 of the 4 generations after it,".
fn nor(missing: usize, after: usize) -> String {
    let generations = counted(after as u64, "generation");
    match missing {
        0 => String::new(),
        _ if missing == after => format!(", nor of the {generations} after it,"),
        _ => format!(", nor of {missing} of the {generations} after it,"),
    }
}
