//! Why records were lost or doubled, from what the bench itself has on record: the lives of the files, the inode
//! numbers they had, the steps of rotations, the lifetimes of the agent. No agent is asked.

mod duplicated;
mod history;
mod life;
mod lost;
mod who;
mod words;

use std::ops::Range;

pub(crate) use self::words::{name, seconds};
use self::{history::History, lost::Case, words::fitting};
use crate::{
    books::Books,
    event::{Event, What},
    identity::StreamId,
    outcome::Cause,
    ranges::sentence,
    route::RouteId,
};

/// Stretches named in one cause.
const MAX_NAMED: usize = 4;

/// What can be the matter; the names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    InodeReuse,
    RenameCreateGap,
    ClosedUnread,
    UnlinkedUnread,
    AgentCrash,
    RefusedInPart,
    CutOnTheWay,
    AllAfter,
    DatagramsDropped,
    RereadAfterRenameBack,
    CheckpointBehind,
    RereadFile,
    ResentInFlight,
    AckLost,
    TakenAndDropped,
    Unexplained,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::InodeReuse => "inode-reuse",
            Self::RenameCreateGap => "rename-create-gap",
            Self::ClosedUnread => "closed-unread-after-rotation",
            Self::UnlinkedUnread => "unlinked-unread",
            Self::AgentCrash => "agent-crash",
            Self::RefusedInPart => "refused-in-part",
            Self::CutOnTheWay => "cut-on-the-way",
            Self::AllAfter => "all-after",
            Self::DatagramsDropped => "datagrams-dropped",
            Self::RereadAfterRenameBack => "reread-after-rename-back",
            Self::CheckpointBehind => "checkpoint-behind",
            Self::RereadFile => "reread-file",
            Self::ResentInFlight => "resent-in-flight",
            Self::AckLost => "ack-lost",
            Self::TakenAndDropped => "taken-and-dropped",
            Self::Unexplained => "unexplained",
        }
    }
}

/// A stretch of records, and why: whole sentences, the most important first.
struct Explained {
    kind: Kind,
    seqs: Range<u64>,
    count: u64,
    evidence: Vec<String>,
}

/// One cause for each stream and kind, with counts; the largest first.
pub fn causes(books: &Books, events: &[Event]) -> Vec<Cause> {
    let written: Vec<u64> = books.streams().iter().map(|book| book.marks().written).collect();
    let history = History::new(events, &written);
    let mut causes = Vec::new();
    for route in books.routes().ids() {
        // Where the source's own count covers all that is missing, the agent has nothing to explain.
        let lost = books.route_totals(route).lost;
        let dropped = dropped(books, events, route);
        for at in books.routes().entries(route) {
            let entry = StreamId(at as u16);
            let case = Case { history: &history, books, entry, stream: books.routes().stream_of(entry) };
            let name = books.name(entry);
            if lost > 0 && covers(&dropped, lost) {
                causes.extend(summed("lost", &name, case.on_the_wire(&dropped, lost)));
            } else if lost > 0 {
                causes.extend(summed("lost", &name, case.explain()));
            }
            causes.extend(summed("duplicated", &name, duplicated::explain(&books.streams()[at], &case)));
        }
    }
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
    causes
}

/// Datagrams that were dropped on their way to the sink of a route, and by whom.
struct Dropped<'a> {
    /// Empty: the kernel.
    link: &'a str,
    datagrams: u64,
}

fn dropped<'a>(books: &Books, events: &'a [Event], route: RouteId) -> Vec<Dropped<'a>> {
    let is_its = |name: &str| books.routes().is_single() || books.routes().named(name) == Some(route);
    let of = |event: &'a Event| match &event.what {
        What::Dropped(dropped) if is_its(&dropped.route) && dropped.datagrams > 0 => {
            Some(Dropped { link: &dropped.link, datagrams: dropped.datagrams })
        }
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

fn covers(dropped: &[Dropped<'_>], lost: u64) -> bool {
    dropped.iter().fold(0, |sum: u64, dropped| sum.saturating_add(dropped.datagrams)) >= lost
}

/// Sums what one stream lost or got twice by kind; the sentence is that of the first stretch.
fn summed(verdict: &str, stream: &str, mut parts: Vec<Explained>) -> Vec<Cause> {
    parts.sort_by_key(|part| part.kind);
    let same = |left: &Explained, right: &Explained| left.kind == right.kind;
    parts
        .chunk_by(same)
        .map(|parts| {
            let first = &parts[0];
            let all = (parts.len() > 1).then(|| {
                let all = sentence(parts.iter().map(|part| part.seqs.clone()), MAX_NAMED);
                format!("There are {} such stretches: {all}.", parts.len())
            });
            let (main, more) = first.evidence.split_at(first.evidence.len().min(1));
            let evidence = fitting(main.iter().cloned().chain(all).chain(more.iter().cloned()));
            Cause {
                verdict: verdict.to_owned(),
                stream: stream.to_owned(),
                count: parts.iter().map(|part| part.count).sum(),
                cause: first.kind.name().to_owned(),
                evidence,
            }
        })
        .collect()
}
