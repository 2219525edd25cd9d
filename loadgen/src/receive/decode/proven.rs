//! Texts proven without unescaping them: the escaped bytes are compared with how this agent escapes that template.
//!
//! ```text
//! form   {\"id\":\" │ <stamp> │ \",\"request_id\":\" │ <field> │ …\",\"user_agent\":\"…\"}"
//!        same bytes │ decoded │ same bytes           │ digits  │ same bytes, the closing quote included
//! ```
//! A form is learned from the first record of a template that arrives and, unescaped, is the text that was written:
//! so any way of escaping will do, as long as the agent keeps to it. Stamp and field are plain hex digits in every
//! escaping, and what is before and between them is seen to unescape by itself; so another record of the template has
//! the same form with other digits. The check digits are compared with those that belong to the text.
//! Whatever differs is unescaped and left to the judge.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use results::identity::{self, MAGIC, STAMP_LEN, Stamp};

use super::unescape::{Scratch, unescape};
use crate::payload::{FIELD_LEN, Payload, Payloads, Pool, hex8};

/// Bytes of all forms together.
const MAX_BYTES: usize = 64 << 20;
/// Places of the stamp tried: one a kind of body.
const MAX_PLACES: usize = 4;
/// Texts that did not turn out as expected, until nothing more is learned from this connection.
const MAX_REFUSALS: u32 = 1_000;

/// How the agent escapes a template.
#[derive(Debug)]
struct Form {
    /// From the first byte of the text to the closing quote.
    bytes: Box<[u8]>,
    /// Where stamp and field begin in them.
    stamp_at: usize,
    field_at: usize,
}

/// What was learned of the run's texts, over all connections.
#[derive(Debug)]
pub(super) struct Forms {
    payloads: Arc<Payloads>,
    /// By pool, then by template.
    pools: Vec<Vec<OnceLock<Form>>>,
    /// Which of the pools a stream draws from.
    pool_of: Vec<usize>,
    bytes: AtomicUsize,
}

impl Forms {
    pub(super) fn new(payloads: Arc<Payloads>) -> Self {
        let mut known: Vec<&Arc<Pool>> = Vec::new();
        let place = |payload| {
            let pool = Payload::pool(payload);
            known.iter().position(|other| Arc::ptr_eq(other, pool)).unwrap_or_else(|| {
                known.push(pool);
                known.len() - 1
            })
        };
        let pool_of = payloads.streams().map(place).collect();
        let pools = known.iter().map(|pool| (0..pool.len()).map(|_| OnceLock::new()).collect()).collect();
        Self { pools, pool_of, bytes: AtomicUsize::new(0), payloads }
    }

    /// As if there were no room for another form.
    #[cfg(test)]
    pub(super) fn fill(&self) {
        self.bytes.store(MAX_BYTES, Ordering::Relaxed);
    }

    pub(super) fn payloads(&self) -> &Arc<Payloads> {
        &self.payloads
    }

    /// The texts of a stamp's stream, and the form of its template.
    #[inline]
    fn of(&self, stamp: &Stamp) -> Option<(&Payload, usize, &OnceLock<Form>)> {
        let payload = self.payloads.get(stamp.id.stream)?;
        let slot = payload.slot(stamp.id.seq);
        let pool = self.pool_of[usize::from(stamp.id.stream.0)];
        (payload.run() == stamp.run).then_some((payload, slot, &self.pools[pool][slot]))
    }
}

/// One connection's way to the forms.
#[derive(Debug, Clone)]
pub(super) struct Prover {
    forms: Arc<Forms>,
    /// Where stamps were found in escaped texts, the last one first.
    places: Vec<usize>,
    same: Same,
    refusals: u32,
}

impl Prover {
    pub(super) fn new(forms: Arc<Forms>) -> Self {
        Self { forms, places: Vec::new(), same: Same::default(), refusals: 0 }
    }

    /// The stamp of the text at the head of `input` if it is what was written, and its length with the closing quote.
    #[inline]
    pub(super) fn prove(&mut self, input: &[u8]) -> Option<(Stamp, usize)> {
        let at = self.place(input)?;
        let (stamp, stated) = Stamp::decode(&input[at..]).ok()?;
        let (payload, slot, form) = self.forms.of(&stamp)?;
        let form = form.get()?;
        let arrived = input.get(..form.bytes.len())?;
        let (pool, behind, rest) = (payload.pool(), at + STAMP_LEN, form.field_at + FIELD_LEN);
        let field = payload.field(stamp.id.seq);
        let is_same = form.stamp_at == at
            && usize::from(stamp.at) == pool.stamp_at()
            && stamp.text_len as usize == pool.template(slot).text.len()
            && arrived[..at] == form.bytes[..at]
            && arrived[behind..form.field_at] == form.bytes[behind..form.field_at]
            && arrived[form.field_at..rest] == hex8(field)
            && arrived[rest..] == form.bytes[rest..];
        (is_same && self.same.check(payload, slot, &stamp, field) == stated).then_some((stamp, arrived.len()))
    }

    /// Where the stamp begins, if it does where one did before.
    #[inline]
    fn place(&mut self, input: &[u8]) -> Option<usize> {
        let has_stamp = |at: &usize| input.get(*at..).is_some_and(|head| head.starts_with(MAGIC));
        let found = self.places.iter().position(has_stamp)?;
        self.places.swap(0, found);
        self.places.first().copied()
    }

    /// Takes the form of a text that was not proven: `raw` up to the closing quote, `text` what it says.
    pub(super) fn learn(&mut self, raw: &[u8], text: &[u8]) {
        let Some(at) = identity::find(text) else { return };
        let Ok((stamp, _)) = Stamp::decode(&text[at..]) else { return };
        let Some((payload, _, known)) = self.forms.of(&stamp) else { return };
        if known.get().is_none() {
            if self.refusals > MAX_REFUSALS {
                return;
            }
            let has_room = self.forms.bytes.load(Ordering::Relaxed) + raw.len() <= MAX_BYTES;
            let is_written = has_room && payload.expected(stamp.id.seq, stamp.due_us) == text;
            match form(raw, text, payload.pool()).filter(|_| is_written) {
                // Another connection may have been faster; then its form holds.
                Some(form) => {
                    self.forms.bytes.fetch_add(raw.len(), Ordering::Relaxed);
                    known.get_or_init(|| form);
                }
                None => self.refusals += 1,
            }
        }
        let place = known.get().map(|form| form.stamp_at);
        if let Some(place) = place.filter(|place| !self.places.contains(place)) {
            self.places.insert(0, place);
            self.places.truncate(MAX_PLACES);
        }
    }
}

/// The form of a text of `pool`, if stamp and field stand in it as they are and nothing before them is cut by them.
fn form(raw: &[u8], text: &[u8], pool: &Pool) -> Option<Form> {
    let (at, field_at) = (pool.stamp_at(), pool.field_at());
    let between = text.get(at + STAMP_LEN..field_at)?;
    let stamp_at = identity::find(raw)?;
    let behind = stamp_at + STAMP_LEN;
    let digits = text.get(field_at..field_at + FIELD_LEN)?;
    let ahead = memchr::memmem::find_iter(raw.get(behind..)?, digits);
    let field_at = ahead.map(|ahead| behind + ahead).find(|at| says(&raw[behind..*at], between))?;
    let is_whole = raw[stamp_at..behind] == text[at..at + STAMP_LEN] && says(&raw[..stamp_at], &text[..at]);
    is_whole.then(|| Form { bytes: raw.into(), stamp_at, field_at })
}

/// True if `raw` unescapes to `text`.
fn says(raw: &[u8], text: &[u8]) -> bool {
    let mut scratch = Scratch::default();
    let quoted = [raw, b"\""].concat();
    unescape(&quoted, 0, &mut scratch) == Some(quoted.len()) && scratch.bytes() == text
}

/// The parts of a check that neighbouring records share.
#[derive(Debug, Clone, Default)]
struct Same {
    /// Stream and the upper digits of the sequence.
    page: Option<(u16, u64)>,
    shared: u32,
    /// Stream and due time: what the digits contribute depends on where the stamp is.
    due_at: Option<(u16, u64)>,
    due: u32,
}

impl Same {
    /// The check of the text that belongs to a stamp.
    #[inline]
    fn check(&mut self, payload: &Payload, slot: usize, stamp: &Stamp, field: u32) -> u32 {
        let (pool, stream, seq) = (payload.pool(), stamp.id.stream.0, stamp.id.seq);
        if self.page != Some((stream, seq >> 8)) {
            self.page = Some((stream, seq >> 8));
            self.shared = pool.shared_digits(stamp.run, stream, seq);
        }
        if self.due_at != Some((stream, stamp.due_us)) {
            self.due_at = Some((stream, stamp.due_us));
            self.due = pool.due_digits(stamp.due_us);
        }
        pool.check(slot, self.shared, self.due, seq, field)
    }
}
