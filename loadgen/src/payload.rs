//! The text of a record: a pure function of (run, seed, stream, sequence, due time), so that nothing is kept of it.
//!
//! ```text
//! nginx_json  {"id":"<stamp>","request_id":"<field>…","time":…,"uri":…,"user_agent":"…"}
//! app_text    <stamp> req=<field> level [worker] words, some with "quotes", \backslashes and größere Zeichen
//! …           the others are drawn in `payload/template.rs`
//! ```
//! A [`Pool`] holds about 1 MiB of templates drawn from the seed; record `n` of a stream takes one of them in turn
//! and writes its stamp and its field into it. The field is eight hex digits mixed from (seed, stream, sequence): no
//! two rounds through the pool are alike, even without the stamp.

pub(crate) mod crc;
pub(crate) mod pool;
mod template;

use std::sync::Arc;

use results::identity::{self, RecordId, Stamp, StreamId};
use serde::{Deserialize, Serialize};

pub use pool::Pool;

/// What a record looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// One JSON object with the fields of an access log.
    NginxJson,
    /// The same with the virtual host that was asked for, as an ingress logs it.
    IngressJson,
    /// A stamp, then words; characters that need escaping among them.
    AppText,
    /// A line of nginx's combined format; the stamp is in the query.
    NginxCombined,
    /// `key=value` pairs, the last one quoted.
    Logfmt,
    /// `label:value` fields, separated by tabs.
    Ltsv,
    /// An exception: several lines that belong together, of which only the first has the stamp.
    StackTrace,
    /// The target of a request: it arrives within whatever a front end logs about the request.
    Request,
    /// The user agent of a request that has no query, as a liveness probe's: it arrives likewise, if it is logged.
    Probe,
}

impl Body {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 9] = [
        Self::NginxJson,
        Self::IngressJson,
        Self::AppText,
        Self::NginxCombined,
        Self::Logfmt,
        Self::Ltsv,
        Self::StackTrace,
        Self::Request,
        Self::Probe,
    ];

    /// True if it is one JSON object.
    pub fn is_json(self) -> bool {
        matches!(self, Self::NginxJson | Self::IngressJson)
    }

    /// True if what is logged holds the text among things that only the one who logs it knows.
    pub fn is_embedded(self) -> bool {
        matches!(self, Self::Request | Self::Probe)
    }
}

/// Lengths of texts, bytes, without framing. A length too short for its body is raised to the least possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Size {
    /// All alike.
    Fixed(u32),
    /// Many short ones and few long ones between `min` and `max` (evenly on a logarithmic scale); besides, every
    /// `long_every`-th record (0: none) is `long` bytes.
    Spread {
        /// Shortest.
        min: u32,
        /// Longest of the ordinary ones.
        max: u32,
        /// Distance between long records; 0 for none.
        long_every: u32,
        /// Length of a long record; above 16,384 it is split by CRI and Docker framing.
        long: u32,
    },
}

/// The texts of one stream.
#[derive(Debug, Clone)]
pub struct Payload {
    pool: Arc<Pool>,
    run: u32,
    stream: StreamId,
    key: u64,
    first: u64,
}

impl Payload {
    /// The texts of `stream`, drawn from `pool`.
    pub fn new(run: u32, stream: StreamId, pool: Arc<Pool>) -> Self {
        let key = mix(pool.seed() ^ u64::from(stream.0) << 48);
        let first = key % pool.len() as u64;
        Self { pool, run, stream, key, first }
    }

    /// The templates.
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// The stream.
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// The tag of the run.
    pub fn run(&self) -> u32 {
        self.run
    }

    /// What the texts look like.
    pub fn body(&self) -> Body {
        self.pool.kind().0
    }

    /// Length of a record's text, bytes.
    pub fn len_of(&self, seq: u64) -> usize {
        self.pool.template(self.slot(seq)).text.len()
    }

    /// The text of a record that was due at `due_us`, as it must arrive.
    pub fn expected(&self, seq: u64, due_us: u64) -> Vec<u8> {
        let template = self.pool.template(self.slot(seq));
        let mut text = template.text.clone();
        let (at, field_at) = (self.pool.stamp_at(), self.pool.field_at());
        let stamp = Stamp {
            run: self.run,
            id: RecordId { stream: self.stream, seq },
            due_us,
            text_len: text.len() as u32,
            at: at as u8,
        };
        let mut digits = [0; identity::STAMP_LEN];
        stamp.encode(&mut digits);
        text[at..at + identity::STAMP_LEN].copy_from_slice(&digits);
        identity::put_hex(&mut text[field_at..field_at + FIELD_LEN], u64::from(self.field(seq)));
        identity::seal(&mut text, at);
        text
    }

    /// Which template a record takes.
    pub(crate) fn slot(&self, seq: u64) -> usize {
        ((self.first + seq) % self.pool.len() as u64) as usize
    }

    /// The per-record field.
    pub(crate) fn field(&self, seq: u64) -> u32 {
        (mix(self.key ^ seq) >> 32) as u32
    }
}

/// Hex digits of the per-record field.
pub(crate) const FIELD_LEN: usize = 8;

/// The texts of all streams of a run, for whoever must recompute one.
#[derive(Debug, Clone, Default)]
pub struct Payloads(Vec<Payload>);

impl Payloads {
    /// Builds each distinct pool once. One entry a stream.
    pub fn new(run: u32, seed: u64, streams: impl IntoIterator<Item = (Body, Size)>) -> Self {
        let mut pools: std::collections::BTreeMap<(Body, Size), Arc<Pool>> = std::collections::BTreeMap::new();
        let texts = streams.into_iter().enumerate().map(|(at, (body, size))| {
            let pool = pools.entry((body, size)).or_insert_with(|| Arc::new(Pool::new(seed, body, size)));
            Payload::new(run, StreamId(at as u16), Arc::clone(pool))
        });
        Self(texts.collect())
    }

    /// One stream's texts.
    pub fn get(&self, stream: StreamId) -> Option<&Payload> {
        self.0.get(usize::from(stream.0))
    }

    /// All of them, in the order of the streams.
    pub(crate) fn streams(&self) -> std::slice::Iter<'_, Payload> {
        self.0.iter()
    }

    /// The text that belongs to a stamp; `None` if the run has no such stream or the stamp is of another run.
    pub fn expected(&self, stamp: &Stamp) -> Option<Vec<u8>> {
        let payload = self.get(stamp.id.stream)?;
        (payload.run == stamp.run).then(|| payload.expected(stamp.id.seq, stamp.due_us))
    }
}

/// A well-mixed number (the finaliser of splitmix64).
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ value >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ value >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ value >> 31
}

/// Eight lower-case hex digits, all at once.
#[inline]
pub(crate) fn hex8(value: u32) -> [u8; 8] {
    let spread = u64::from(value);
    let spread = (spread | spread << 16) & 0x0000_FFFF_0000_FFFF;
    let spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF;
    let nibbles = (spread | spread << 4) & 0x0F0F_0F0F_0F0F_0F0F;
    let letters = (nibbles + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    (nibbles + 0x3030_3030_3030_3030 + letters * 0x27).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn body() -> impl Strategy<Value = Body> {
        prop::sample::select(Body::ALL.to_vec())
    }

    const LONG: Size = Size::Spread { min: 100, max: 900, long_every: 10, long: 40_000 };

    fn payload(seed: u64, stream: u16, body: Body, size: Size) -> Payload {
        Payload::new(7, StreamId(stream), Arc::new(Pool::new(seed, body, size)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_text_is_a_pure_function_and_carries_its_stamp(seed: u64, stream: u16, seq in 0u64..1 << 48, due_us in 0u64..1 << 40, body in body()) {
            let size = Size::Fixed(500);
            let text = payload(seed, stream, body, size).expected(seq, due_us);
            prop_assert_eq!(&text, &payload(seed, stream, body, size).expected(seq, due_us));
            prop_assert_eq!(text.len(), 500);
            let at = identity::find(&text).expect("stamped");
            let (stamp, check) = Stamp::decode(&text[at..]).expect("whole");
            prop_assert_eq!((stamp.run, stamp.id, stamp.due_us, stamp.text_len, usize::from(stamp.at)), (7, RecordId { stream: StreamId(stream), seq }, due_us, 500, at));
            prop_assert_eq!(check, identity::check(&text, at));
            prop_assert_eq!(text.contains(&b'\n'), body == Body::StackTrace);
            prop_assert!(std::str::from_utf8(&text).is_ok());
            prop_assert!(!body.is_json() || serde_json::from_slice::<serde_json::Value>(&text).is_ok());
        }

        #[test]
        fn eight_digits_at_once_are_the_digits(value: u32) {
            prop_assert_eq!(hex8(value).to_vec(), format!("{value:08x}").into_bytes());
        }
    }

    #[test]
    fn texts_stay_unique_without_their_stamps_over_many_rounds_of_the_pool() {
        for body in Body::ALL {
            let payload = payload(1, 3, body, Size::Fixed(4_000));
            let rounds = 8 * payload.pool().len() as u64;
            let at = payload.pool().stamp_at();
            let bare = |seq| payload.expected(seq, 0)[at + identity::STAMP_LEN..].to_vec();
            assert_eq!((0..rounds).map(bare).collect::<BTreeSet<_>>().len() as u64, rounds);
        }
    }

    #[test]
    fn sizes_are_kept_and_long_lines_come_as_often_as_asked() {
        let payload = payload(1, 0, Body::AppText, LONG);
        let round = payload.pool().len() as u64;
        let lens: Vec<usize> = (0..round).map(|seq| payload.expected(seq, 0).len()).collect();
        assert_eq!(lens.iter().filter(|len| **len == 40_000).count() as u64, round / 10);
        assert!(lens.iter().all(|len| *len == 40_000 || (100..=900).contains(len)), "{lens:?}");
        assert!(lens.iter().collect::<BTreeSet<_>>().len() > 5);
    }

    #[test]
    fn no_character_straddles_a_split_of_long_lines() {
        let payload = payload(5, 0, Body::AppText, LONG);
        for seq in 0..payload.pool().len() as u64 {
            let text = payload.expected(seq, 0);
            let text = std::str::from_utf8(&text).expect("text");
            assert!((1..=text.len() / 16_384).all(|part| text.is_char_boundary(part * 16_384)));
        }
    }

    #[test]
    fn what_is_sent_in_a_request_needs_no_escaping_and_keeps_its_ends() {
        for (body, others) in [(Body::Request, "?&=-._+/"), (Body::Probe, "/=-. <>&'%{}[],;:_")] {
            let payload = payload(1, 0, body, Size::Spread { min: 1, max: 400, long_every: 0, long: 0 });
            for seq in 0..payload.pool().len() as u64 {
                let text = String::from_utf8(payload.expected(seq, 0)).expect("text");
                assert!(text.chars().all(|one| one.is_ascii_alphanumeric() || others.contains(one)), "{text}");
                assert_eq!(text.trim(), text);
            }
        }
    }

    #[test]
    fn every_line_of_a_trace_but_the_first_is_a_frame_or_a_cause() {
        let payload = payload(1, 0, Body::StackTrace, Size::Spread { min: 100, max: 4_000, long_every: 0, long: 0 });
        for seq in 0..payload.pool().len() as u64 {
            let text = String::from_utf8(payload.expected(seq, 0)).expect("text");
            let below: Vec<&str> = text.split('\n').skip(1).collect();
            assert!(below.len() >= 3, "{text}");
            assert!(below.iter().all(|line| line.starts_with("\tat ") || line.starts_with("Caused by: ")), "{text}");
        }
    }

    #[test]
    fn words_need_escaping() {
        let payload = payload(1, 0, Body::AppText, Size::Fixed(300));
        let all: Vec<u8> = (0..50).flat_map(|seq| payload.expected(seq, 0)).collect();
        assert!([b'"', b'\\', b'\t', b'<', 0xC3].iter().all(|byte| all.contains(byte)));
    }
}
