//! The templates of a body and size, and the tables that check a record in a dozen look-ups.

use results::identity::{CHECK_AT, STAMP_LEN};

use super::{
    Body, FIELD_LEN, Size,
    crc::{Pair, Shift, pair},
    mix, template,
};

/// Bytes of templates a pool aims at: one write of the batched writer, and small enough for the cache.
const POOL_BYTES: u64 = 1 << 20;
/// Distinct ordinary lengths of a spread: each costs a table of 4 KiB.
const STEPS: u32 = 24;

// Offsets of the changing digits within a stamp.
pub(crate) const RUN_AT: usize = 4;
pub(crate) const STREAM_AT: usize = 13;
pub(crate) const SEQ_AT: usize = 18;
pub(crate) const DUE_AT: usize = 31;
pub(crate) const LEN_AT: usize = 42;

/// The unchanging part of a text.
#[derive(Debug)]
pub(crate) struct Template {
    /// Stamp digits and field are zero digits, but for magic, dashes, length and position.
    pub(crate) text: Vec<u8>,
    /// The check with the changing bytes taken as zero bytes.
    blank: u32,
    shift: u32,
}

/// All templates of one body and size.
#[derive(Debug)]
pub struct Pool {
    seed: u64,
    body: Body,
    size: Size,
    stamp_at: usize,
    field_at: usize,
    templates: Vec<Template>,
    shifts: Vec<Shift>,
    digits: Digits,
}

/// Contributions of the changing digits, most significant pair first.
#[derive(Debug)]
struct Digits {
    run: [Pair; 4],
    stream: [Pair; 2],
    seq: [Pair; 6],
    due: [Pair; 5],
    field: [Pair; 4],
}

impl Pool {
    /// Draws the templates.
    pub fn new(seed: u64, body: Body, size: Size) -> Self {
        let (stamp_at, field_at) = (template::stamp_at(body), template::field_at(body));
        let head = field_at + FIELD_LEN;
        let mut lens: Vec<usize> = Vec::new();
        let templates = (0..count(size)).map(|at| {
            let dice = mix(seed ^ mix(at));
            let mut text = template::draw(body, dice, length(size, at, dice));
            let tail = text.len() - head;
            let shift = lens.iter().position(|len| *len == tail).unwrap_or_else(|| {
                lens.push(tail);
                lens.len() - 1
            });
            let blank = prepare(&mut text, stamp_at, field_at);
            Template { text, blank, shift: shift as u32 }
        });
        let templates = templates.collect();
        let shifts = lens.into_iter().map(Shift::new).collect();
        Self { seed, body, size, stamp_at, field_at, templates, shifts, digits: Digits::new(stamp_at, field_at) }
    }

    /// Number of templates.
    #[expect(clippy::len_without_is_empty, reason = "a pool is never empty")]
    pub fn len(&self) -> usize {
        self.templates.len()
    }

    /// Bytes of all templates.
    pub fn bytes(&self) -> usize {
        self.templates.iter().map(|template| template.text.len()).sum()
    }

    /// The seed the templates were drawn from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Where the stamp begins in every text.
    pub fn stamp_at(&self) -> usize {
        self.stamp_at
    }

    pub(crate) fn field_at(&self) -> usize {
        self.field_at
    }

    /// What the templates were drawn for.
    pub fn kind(&self) -> (Body, Size) {
        (self.body, self.size)
    }

    pub(crate) fn template(&self, slot: usize) -> &Template {
        &self.templates[slot]
    }

    /// The part of a check that neighbouring records share.
    pub(crate) fn shared_digits(&self, run: u32, stream: u16, seq: u64) -> u32 {
        sum(&self.digits.run, u64::from(run))
            ^ sum(&self.digits.stream, u64::from(stream))
            ^ sum(&self.digits.seq[..5], seq >> 8)
    }

    /// The part that records due at the same time share.
    pub(crate) fn due_digits(&self, due_us: u64) -> u32 {
        sum(&self.digits.due, due_us)
    }

    /// The check of a record from the shared parts and what is its own.
    pub(crate) fn check(&self, slot: usize, shared: u32, due: u32, seq: u64, field: u32) -> u32 {
        let own = self.digits.seq[5][(seq & 255) as usize] ^ sum(&self.digits.field, u64::from(field));
        let template = &self.templates[slot];
        template.blank ^ self.shifts[template.shift as usize].apply(shared ^ due ^ own)
    }
}

/// Writes what never changes into a drawn text and returns its check with the changing bytes as zero bytes.
fn prepare(text: &mut [u8], stamp_at: usize, field_at: usize) -> u32 {
    let len = text.len();
    let stamp = &mut text[stamp_at..stamp_at + STAMP_LEN];
    stamp[..RUN_AT].copy_from_slice(results::identity::MAGIC);
    for dash in [STREAM_AT, SEQ_AT, DUE_AT, LEN_AT, CHECK_AT] {
        stamp[dash - 1] = b'-';
    }
    results::identity::put_hex(&mut stamp[LEN_AT..LEN_AT + 6], len as u64);
    results::identity::put_hex(&mut stamp[LEN_AT + 6..LEN_AT + 8], stamp_at as u64);
    let mut blank = text.to_vec();
    for (from, digits) in [(RUN_AT, 8), (STREAM_AT, 4), (SEQ_AT, 12), (DUE_AT, 10)] {
        blank[stamp_at + from..stamp_at + from + digits].fill(0);
    }
    blank[field_at..field_at + FIELD_LEN].fill(0);
    results::identity::check(&blank, stamp_at)
}

impl Digits {
    fn new(stamp_at: usize, field_at: usize) -> Self {
        let head = field_at + FIELD_LEN;
        // The check digits are no part of what is checked, so they do not count as distance.
        let in_stamp = |at: usize| pair(head - (stamp_at + at + 2) - (STAMP_LEN - CHECK_AT));
        Self {
            run: std::array::from_fn(|at| in_stamp(RUN_AT + 2 * at)),
            stream: std::array::from_fn(|at| in_stamp(STREAM_AT + 2 * at)),
            seq: std::array::from_fn(|at| in_stamp(SEQ_AT + 2 * at)),
            due: std::array::from_fn(|at| in_stamp(DUE_AT + 2 * at)),
            field: std::array::from_fn(|at| pair(head - (field_at + 2 * at + 2))),
        }
    }
}

/// The contributions of the digit pairs of `value`, least significant pair last.
fn sum(pairs: &[Pair], value: u64) -> u32 {
    let mut value = value;
    pairs.iter().rev().fold(0, |total, pair| {
        let entry = pair[(value & 255) as usize];
        value >>= 8;
        total ^ entry
    })
}

/// How many templates make about [`POOL_BYTES`], long ones included in their share.
fn count(size: Size) -> u64 {
    let (mean, multiple) = match size {
        Size::Fixed(len) => (u64::from(len), 1),
        Size::Spread { min, max, long_every, long } => {
            let ordinary = u64::from(min.max(64)).midpoint(u64::from(max.max(64)));
            let every = u64::from(long_every).min(65_536);
            (u64::from(long).checked_div(every).unwrap_or(0) + ordinary, every.max(1))
        }
    };
    (POOL_BYTES / mean.max(128)).clamp(16, 8_192).next_multiple_of(multiple)
}

/// The length asked of the `at`-th template.
fn length(size: Size, at: u64, dice: u64) -> usize {
    let len = match size {
        Size::Fixed(len) => len,
        Size::Spread { long_every, long, .. }
            if long_every > 0 && at % u64::from(long_every) == u64::from(long_every) - 1 =>
        {
            long
        }
        Size::Spread { min, max, .. } => {
            let (min, max) = (min.max(1), max.max(min).max(1));
            let step = (mix(dice) % u64::from(STEPS + 1)) as f64 / f64::from(STEPS);
            (f64::from(min) * (f64::from(max) / f64::from(min)).powf(step)).round() as u32
        }
    };
    // A stamp has six hex digits for the length.
    len.min((1 << 24) - 1) as usize
}
