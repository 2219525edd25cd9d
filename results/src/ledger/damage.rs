//! What is wrong with a text that is not one whole record: the slow path of the intake.
//!
//! The text may come from anywhere. Nothing here trusts a length or a number in it, and all searches are bounded.

use memchr::memmem;

use super::repair;
use crate::{
    books::Damage,
    identity::{MAGIC, RecordId, STAMP_LEN, Stamp, StreamId, check, get_hex},
};

/// Stamps looked at in one text.
const MAX_STAMPS: usize = 64;
/// Places looked at where a stamp with a bad byte may begin.
const MAX_HEADS: usize = 8;
/// How much of a stamp is needed to know which record it was, bytes.
const IDENTITY_LEN: usize = 30;

/// What a text turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// A damaged copy of each of these records.
    Damaged(Vec<RecordId>, Damage),
    /// A damaged copy of some record.
    Unidentified(Damage),
    /// Whole, and never sent.
    Unexpected,
}

/// What the judge knows of the run.
pub(crate) struct Known<'a> {
    /// The run's tag.
    pub(crate) run: u32,
    /// How far a stream has been sent; `None` for a stream that does not exist.
    pub(crate) sent: &'a dyn Fn(StreamId) -> Option<u64>,
}

impl Known<'_> {
    fn has(&self, run: u32, id: RecordId) -> bool {
        run == self.run && (self.sent)(id.stream).is_some_and(|sent| id.seq < sent)
    }
}

/// Says what a text is that did not verify as a whole record of the run.
pub(crate) fn classify(text: &[u8], known: &Known<'_>) -> Finding {
    let places: Vec<usize> = memmem::find_iter(text, MAGIC).take(MAX_STAMPS).collect();
    if places.len() > 1 {
        let ids: Vec<RecordId> = places.iter().filter_map(|&at| identity(&text[at..], known)).collect();
        if !ids.is_empty() {
            return Finding::Damaged(ids, Damage::Merged);
        }
    }
    for at in
        places.first().copied().into_iter().chain(repair::heads(text).filter(|at| !places.contains(at)).take(MAX_HEADS))
    {
        if let Some(stamp) = repair::single_byte(text, at).filter(|stamp| known.has(stamp.run, stamp.id)) {
            return Finding::Damaged(vec![stamp.id], changed(text, Damage::Changed));
        }
    }
    match places.first() {
        Some(&at) => stamped(text, at, known),
        None => Finding::Unidentified(changed(text, Damage::NoStamp)),
    }
}

/// A text with one stamp that no single change explains.
fn stamped(text: &[u8], at: usize, known: &Known<'_>) -> Finding {
    let damage = match Stamp::decode(&text[at..]) {
        Err(_) if text.len() < at + STAMP_LEN => Damage::StampCut,
        Err(_) => changed(text, Damage::Changed),
        Ok((stamp, stated)) => {
            let whole = stamp.text_len as usize == text.len() && usize::from(stamp.at) == at;
            if (whole && stated == check(text, at)) || stamp.run != known.run {
                return Finding::Unexpected;
            }
            match text.len().cmp(&(stamp.text_len as usize)) {
                _ if text.contains(&0) => Damage::NulFilled,
                std::cmp::Ordering::Less => Damage::Cut,
                std::cmp::Ordering::Greater => Damage::Longer,
                std::cmp::Ordering::Equal => Damage::Changed,
            }
        }
    };
    match identity(&text[at..], known) {
        Some(id) => Finding::Damaged(vec![id], damage),
        None => Finding::Unidentified(damage),
    }
}

/// Which record a stamp is of, as far as it says and as far as that record exists.
fn identity(stamp: &[u8], known: &Known<'_>) -> Option<RecordId> {
    let head = stamp.get(..IDENTITY_LEN)?;
    let field = |from: usize, to: usize| get_hex(&head[from..to]).ok();
    let dashes = head[12] == b'-' && head[17] == b'-';
    let run = field(4, 12).filter(|_| dashes)? as u32;
    let id = RecordId { stream: StreamId(field(13, 17)? as u16), seq: field(18, 30)? };
    known.has(run, id).then_some(id)
}

fn changed(text: &[u8], otherwise: Damage) -> Damage {
    if text.contains(&0) { Damage::NulFilled } else { otherwise }
}
