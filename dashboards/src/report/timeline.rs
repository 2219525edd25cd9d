//! Every file that every stream was written to: when it was born, under which number, when it was left and unlinked, and
//! how much of it arrived. One generation is one bar of the timeline and one row of its table.

use std::collections::BTreeMap;

use results::{
    books::Books,
    event::{Event, FileId, RotationStep, StepKind, What},
};

/// One file of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// The stream, by index.
    pub stream: u16,
    /// Which file of the stream, from 0.
    pub generation: u32,
    /// Where it was created.
    pub path: String,
    /// The file.
    pub file: FileId,
    /// When the writer opened it, microseconds since the start of the run.
    pub opened_us: u64,
    /// When the writer left it.
    pub closed_us: Option<u64>,
    /// When its last known name was unlinked.
    pub unlinked_us: Option<u64>,
    /// Whether the agent had it open just before that; `None`: nobody looked.
    pub held: Option<bool>,
    /// What it was renamed to, last.
    pub renamed: Option<String>,
    /// The generation of this run that had its inode number before: (stream, generation).
    pub reuses: Option<(u16, u32)>,
    /// Whether the bench steered that number back.
    pub steered: bool,
    /// Its first record and one past its last.
    pub seqs: (u64, u64),
    /// Its size when it was left, bytes.
    pub bytes: Option<u64>,
    /// Records of it that are due and never arrived; `None`: there are no books.
    pub lost: Option<u64>,
}

impl Generation {
    /// Records written to it.
    pub fn records(&self) -> u64 {
        self.seqs.1.saturating_sub(self.seqs.0)
    }

    /// Whether records were written to it and every one of them arrived.
    pub fn whole(&self) -> bool {
        self.records() > 0 && self.lost == Some(0)
    }

    /// Whether records of it were lost.
    pub fn hurt(&self) -> bool {
        self.lost.is_some_and(|lost| lost > 0)
    }
}

/// All generations, by stream and in order; with the books, how many records of each were lost.
pub fn generations(events: &[Event], books: Option<&Books>) -> Vec<Generation> {
    let mut fold = Fold::default();
    for event in events {
        fold.take(event);
    }
    let mut all = fold.all;
    all.sort_by_key(|one| (one.stream, one.generation));
    close_last(&mut all, books);
    if let Some(books) = books {
        count_lost(&mut all, books);
    }
    all
}

#[derive(Default)]
struct Fold {
    all: Vec<Generation>,
    /// (device, inode) → the last generation that had the number.
    holders: BTreeMap<(u64, u64), usize>,
    /// (stream, generation) → where it is.
    places: BTreeMap<(u16, u32), usize>,
    steered: BTreeMap<(u64, u64), u16>,
}

impl Fold {
    fn take(&mut self, event: &Event) {
        match &event.what {
            What::GenerationOpened(opened) => self.opened(event.t_us, opened),
            What::GenerationClosed(end) => {
                if let Some(&at) = self.places.get(&(end.stream.0, end.generation)) {
                    let one = &mut self.all[at];
                    one.closed_us = Some(event.t_us);
                    one.seqs.1 = end.end_seq;
                    one.bytes = Some(end.bytes);
                }
            }
            What::RotationStep(step) if step.error.is_none() => self.step(event.t_us, step),
            _ => {}
        }
    }

    fn opened(&mut self, t_us: u64, opened: &results::event::Generation) {
        let number = (opened.file.device, opened.file.inode);
        let before = self.holders.insert(number, self.all.len()).map(|at| &self.all[at]);
        // The same file opened again after a failed rotation is no reuse.
        let reuses = before.filter(|one| one.file != opened.file || one.unlinked_us.is_some());
        let reuses = reuses.map(|one| (one.stream, one.generation));
        self.places.insert((opened.stream.0, opened.generation), self.all.len());
        self.all.push(Generation {
            stream: opened.stream.0,
            generation: opened.generation,
            path: opened.path.clone(),
            file: opened.file,
            opened_us: t_us,
            closed_us: None,
            unlinked_us: None,
            held: None,
            renamed: None,
            reuses,
            steered: self.steered.remove(&number).is_some() && reuses.is_some(),
            seqs: (opened.first_seq, opened.first_seq),
            bytes: None,
            lost: None,
        });
    }

    fn step(&mut self, t_us: u64, step: &RotationStep) {
        let Some(file) = step.file else { return };
        if step.step == StepKind::Steer {
            self.steered.insert((file.device, file.inode), step.stream.0);
            return;
        }
        let holder = self.holders.get(&(file.device, file.inode)).map(|&at| &mut self.all[at]);
        let Some(one) = holder.filter(|one| one.file == file) else { return };
        match step.step {
            StepKind::Rename => one.renamed.clone_from(&step.to),
            StepKind::Unlink => {
                one.unlinked_us = Some(t_us);
                one.held = step.held;
            }
            _ => {}
        }
    }
}

/// A generation that was never left (the bench was killed) ends where the next begins, or with what was written.
fn close_last(all: &mut [Generation], books: Option<&Books>) {
    for at in 0..all.len() {
        if all[at].closed_us.is_none() {
            let next = all.get(at + 1).filter(|next| next.stream == all[at].stream).map(|next| next.seqs.0);
            let written = || Some(books?.streams().get(usize::from(all[at].stream))?.marks().written);
            let end = next.or_else(written).unwrap_or(0);
            all[at].seqs.1 = end.max(all[at].seqs.0);
        }
    }
}

fn count_lost(all: &mut [Generation], books: &Books) {
    for (stream, book) in books.streams().iter().enumerate() {
        let from = all.partition_point(|one| usize::from(one.stream) < stream);
        let of = all.partition_point(|one| usize::from(one.stream) <= stream);
        let mine = &mut all[from..of];
        for one in &mut *mine {
            one.lost = Some(0);
        }
        let mut at = 0;
        for gap in book.lost() {
            while mine.get(at).is_some_and(|one| one.seqs.1 <= gap.start) {
                at += 1;
            }
            // A hole may reach over several files.
            for one in mine[at..].iter_mut().take_while(|one| one.seqs.0 < gap.end) {
                let (start, end) = (gap.start.max(one.seqs.0), gap.end.min(one.seqs.1));
                one.lost = one.lost.map(|lost| lost + end.saturating_sub(start));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::examples::{books_with_hole, stall_story};

    #[test]
    fn a_generation_knows_its_number_its_end_and_what_was_lost_of_it() {
        let all = generations(&stall_story(), Some(&books_with_hole()));
        let mine: Vec<_> = all.iter().filter(|one| one.stream == 0).collect();
        assert_eq!(mine.len(), 4);
        assert_eq!(mine[3].reuses, Some((0, 1)), "{:?}", mine[3]);
        assert!(mine[3].steered && mine[1].reuses.is_none());
        assert!(mine[1].unlinked_us.is_some() && mine[1].held == Some(false));
        assert_eq!(mine.iter().map(|one| one.lost).collect::<Vec<_>>(), [Some(0), Some(0), Some(0), Some(100)]);
        assert!(mine[2].whole() && mine[3].hurt());
        assert_eq!((mine[3].records(), mine[3].closed_us), (100, None), "the bench was killed before it was left");
    }

    #[test]
    fn without_books_nothing_is_said_of_losses() {
        let all = generations(&stall_story(), None);
        assert!(all.iter().all(|one| one.lost.is_none() && !one.whole() && !one.hurt()));
    }
}
