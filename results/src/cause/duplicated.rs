//! Why records arrived more than once.

use std::ops::Range;

use super::{
    Explained, Kind,
    life::Ending,
    lost::Case,
    words::{name, seconds, short},
};
use crate::{
    books::{Again, Allowance, StreamBook},
    ranges::sentence,
};

/// Explains every surplus copy of a stream.
pub(super) fn explain(book: &StreamBook, case: &Case<'_>) -> Vec<Explained> {
    let mut parts = Vec::new();
    for (seqs, copies, allowance) in book.allowed_surplus() {
        let (kind, why) = match allowance {
            Allowance::InFlight => {
                let or_link = if case.may_be_cut() { ", or the link to its sink," } else { "" };
                (Kind::ResentInFlight, format!("were in flight when {}{or_link} went down", case.carrier()))
            }
            Allowance::AnswerLost => (Kind::AckLost, "were taken, and the answer was lost on purpose".to_owned()),
        };
        let evidence = vec![format!("records {} {why}: the contract allows it.", sentence([seqs.clone()], 1))];
        parts.push(Explained { kind, count: (seqs.end - seqs.start) * copies, seqs, evidence });
    }
    for (seqs, copies) in book.forbidden_surplus() {
        let again = book.again().iter().find(|again| again.from < seqs.end && seqs.start < again.to);
        let (kind, evidence) = forbidden(case, &seqs, again);
        parts.push(Explained { kind, count: (seqs.end - seqs.start) * copies, seqs, evidence });
    }
    parts
}

fn forbidden(case: &Case<'_>, seqs: &Range<u64>, again: Option<&Again>) -> (Kind, Vec<String>) {
    let Case { history, stream, entry, .. } = *case;
    let records = sentence([seqs.clone()], 1);
    let at = again.map_or_else(String::new, |again| format!(" at {}", seconds(again.from_us)));
    let from_us = again.map_or(u64::MAX, |again| again.from_us);
    let came_back = |ending: &&Ending| ending.t_us <= from_us && ending.restarted_us.is_some();
    let ended = history.endings.iter().rev().filter(|ending| case.is_on_the_way(ending)).find(came_back);
    let holder = history.holder(stream, seqs.start).map(|(_, life)| life);
    let back =
        history.rolled_back.iter().rev().find(|(of, t_us, path)| {
            *of == stream.0 && *t_us <= from_us && holder.is_none_or(|life| life.path == *path)
        });
    // A restart explains a second copy better than a rename before it.
    if let Some((_, t_us, path)) = back.filter(|(_, t_us, _)| ended.is_none_or(|ending| ending.t_us < *t_us)) {
        let evidence = format!(
            "{} was renamed away and back at {}; records {records} of it arrived again{at}: {} took it for another file and \
             read it anew from its start.",
            name(path),
            seconds(*t_us),
            case.reader()
        );
        return (Kind::RereadAfterRenameBack, vec![evidence]);
    }
    if let Some(ending) =
        ended.filter(|ending| history.sample_at(entry, ending.t_us).is_none_or(|then| seqs.start < then.0))
    {
        let evidence = format!(
            "records {records} were delivered and answered before {} ended at {} ({}), and arrived again{at}: what it had \
             noted as done was older than what was delivered.",
            ending.who(),
            seconds(ending.t_us),
            short(&ending.how)
        );
        return (Kind::CheckpointBehind, vec![evidence]);
    }
    match holder {
        Some(life) if life.first_seq == seqs.start => {
            let evidence = format!(
                "records {records} arrived again{at}: generation {} of {} (inode {}) was read anew from its start.",
                life.generation,
                name(&life.path),
                life.file.inode
            );
            (Kind::RereadFile, vec![evidence])
        }
        _ => (
            Kind::Unexplained,
            vec![format!("records {records} arrived again{at}, and nothing on record explains it.")],
        ),
    }
}
