//! Comparing and remembering are only faster: what is concluded is what unescaping every text concludes.

use results::{
    identity::seal,
    ledger::{Ledger, LedgerPlan},
};

use super::*;

/// Ways in which agents escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// As little as can be.
    Least,
    /// Nothing beyond ASCII remains; slashes and angle brackets are escaped too.
    Ascii,
    /// Every character.
    All,
    /// As little as can be, but for the stamp.
    Stamp,
}

const STYLES: [Style; 4] = [Style::Least, Style::Ascii, Style::All, Style::Stamp];

fn escape(text: &str, style: Style) -> String {
    let unit = |character: char| {
        let mut units = [0; 2];
        character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>()
    };
    let one = |(at, character): (usize, char)| match character {
        _ if style == Style::All || style == Style::Stamp && at == 3 => unit(character),
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\t' => "\\t".to_owned(),
        '\n' => "\\n".to_owned(),
        '/' if style == Style::Ascii => "\\/".to_owned(),
        '<' | '>' | '\u{80}'.. if style == Style::Ascii => unit(character),
        _ => character.to_string(),
    };
    text.chars().enumerate().map(one).collect()
}

/// What becomes of a record on its way.
#[derive(Debug, Clone)]
enum Fate {
    Whole,
    /// A digit of the text is another one.
    Digit(prop::sample::Index, u8),
    /// As before, and the check was made to fit: whole, though not what was written.
    Resealed(prop::sample::Index, u8),
    /// A byte of the line is another one.
    Byte(prop::sample::Index, u8),
    /// The line ends early.
    Cut(prop::sample::Index),
    /// A part of the line comes twice.
    Twice(prop::sample::Index, prop::sample::Index),
    /// Docker's line feed is left.
    LineFeed,
    /// The text comes under two keys of the same name.
    TwoTexts,
}

fn fate() -> impl Strategy<Value = Fate> {
    let index = any::<prop::sample::Index>;
    let byte = || prop_oneof![any::<u8>(), prop::sample::select(b"0123456789\"\\{}[],:u \n".to_vec())];
    prop_oneof![
        6 => Just(Fate::Whole),
        2 => (index(), 1u8..10).prop_map(|(at, by)| Fate::Digit(at, by)),
        1 => (index(), 1u8..10).prop_map(|(at, by)| Fate::Resealed(at, by)),
        3 => (index(), byte()).prop_map(|(at, byte)| Fate::Byte(at, byte)),
        1 => index().prop_map(Fate::Cut),
        1 => (index(), index()).prop_map(|(from, to)| Fate::Twice(from, to)),
        1 => Just(Fate::LineFeed),
        1 => Just(Fate::TwoTexts),
    ]
}

fn turn_digit(text: &mut [u8], at: prop::sample::Index, by: u8) {
    let digits: Vec<usize> = (0..text.len()).filter(|at| text[*at].is_ascii_digit()).collect();
    let digit = &mut text[digits[at.index(digits.len())]];
    *digit = (*digit - b'0' + by) % 10 + b'0';
}

/// The line of a record, with whatever befell it.
fn line(stream: u16, seq: u64, style: Style, fate: &Fate) -> Vec<u8> {
    let mut text = payloads().get(StreamId(stream)).expect("a stream").expected(seq, seq * 1_000);
    match fate {
        Fate::Digit(at, by) => turn_digit(&mut text, *at, *by),
        Fate::Resealed(at, by) => {
            turn_digit(&mut text, *at, *by);
            if let Some(at) = identity::find(&text) {
                seal(&mut text, at);
            }
        }
        Fate::LineFeed => text.push(b'\n'),
        _ => {}
    }
    let text = escape(std::str::from_utf8(&text).expect("text"), style);
    let twice = if matches!(fate, Fate::TwoTexts) { r#""log":"tp1-1","# } else { "" };
    let path = format!("/var/log/pod-{}/{}.log", stream * 7, if seq % 5 == 4 { "a\\u00e9" } else { "app" });
    let output = if seq % 3 == 2 { "stderr" } else { "stdout" };
    let mut line = format!(r#"{{"date":17.{:04},{twice}"stream":"{output}","log":"{text}","file":"{path}"}}"#, seq * 9)
        .into_bytes();
    match fate {
        Fate::Byte(at, byte) => line[at.index(text.len().min(600)) % 600] = *byte,
        Fate::Cut(at) => line.truncate(at.index(line.len())),
        Fate::Twice(from, to) => {
            let (from, to) = (from.index(line.len()), to.index(line.len()));
            line.extend_from_within(from.min(to)..);
        }
        _ => {}
    }
    line
}

struct Side {
    decoder: Decoder,
    ledger: Arc<Ledger>,
    intake: Intake,
    proven: usize,
}

impl Side {
    fn new(decoder: Decoder, run: u32, streams: usize) -> Self {
        let streams: Vec<String> = (0..streams).map(|at| at.to_string()).collect();
        let ledger = Ledger::create(LedgerPlan {
            run,
            streams: streams.clone(),
            books: None,
            settle_us: 0,
            ..LedgerPlan::default()
        });
        let ledger = ledger.expect("books in memory");
        for stream in 0..streams.len() {
            ledger.sent(StreamId(stream as u16), 50);
        }
        Self { decoder, intake: ledger.intake(), ledger, proven: 0 }
    }

    fn take(&mut self, body: &[u8], now_us: u64) -> Found {
        let mut found = Vec::new();
        self.intake.begin(now_us);
        self.decoder.decode(body, &mut |record, seen| {
            self.proven += usize::from(matches!(record, Record::Proven(..)));
            let owned = |label: Option<&[u8]>| label.map(<[u8]>::to_vec);
            found.push((record.text().into_owned(), owned(seen.path), owned(seen.output)));
            record.book(seen, &mut self.intake);
        });
        self.ledger.answered(self.intake.end(), now_us);
        found
    }
}

/// Both ways, side by side.
fn sides(run: u32, streams: usize, format: Format) -> [Side; 2] {
    let fast = Decoder::new(format, Keys::default(), Some(payloads()));
    let plain = Decoder { layout: Layout::never(), texts: Texts::new(None), ..fast.clone() };
    [fast, plain].map(|decoder| Side::new(decoder, run, streams))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]
    #[test]
    fn both_ways_hand_on_and_book_the_same_for_any_damage(
        records in prop::collection::vec((0u16..WHOLE.len() as u16, prop_oneof![0u64..8, 0u64..60], 0usize..4, fate()), 1..60),
        main in 0usize..2, ours in prop::bool::weighted(0.8), streams in 1usize..3, array: bool,
    ) {
        let format = if array { Format::JsonArray } else { Format::JsonLines };
        let [mut fast, mut plain] = sides(if ours { 9 } else { 8 }, streams, format);
        // The pool's round is longer than these sequences: only what comes again finds its form known.
        let rounds = payloads().get(StreamId(0)).expect("a stream").pool().len() as u64;
        for (at, body) in records.chunks(7).enumerate() {
            let lines: Vec<Vec<u8>> = body.iter().enumerate().map(|(at, (stream, seq, style, fate))| {
                let style = if *style == 0 { STYLES[(main + at) % 4] } else { STYLES[main] };
                line(*stream, if at % 3 == 0 { seq + rounds } else { *seq }, style, fate)
            }).collect();
            let body = if array { [b"[", lines.join(&b","[..]).as_slice(), b"]"].concat() } else { lines.join(&b"\n"[..]) };
            prop_assert_eq!(fast.take(&body, at as u64), plain.take(&body, at as u64));
        }
        prop_assert_eq!(plain.proven, 0);
        prop_assert_eq!(fast.ledger.totals(), plain.ledger.totals());
        prop_assert_eq!(format!("{:?}", fast.ledger.snapshot()), format!("{:?}", plain.ledger.snapshot()));
    }
}

/// Where the escaped text lies in a line.
fn text_in(line: &[u8]) -> std::ops::Range<usize> {
    let find = |part: &[u8]| memchr::memmem::find(line, part).expect("an object of these tests");
    find(br#""log":""#) + 7..find(br#"","file""#)
}

#[test]
fn no_bit_of_a_known_text_can_change_and_be_proven() {
    for stream in 0..2 {
        let [mut fast, _] = sides(9, 2, Format::JsonLines);
        let mut line = line(stream, 3, Style::Ascii, &Fate::Whole);
        (0..2).for_each(|_| drop(fast.take(&line, 0)));
        assert_eq!(fast.proven, 1);
        for at in text_in(&line) {
            for bit in 0..8 {
                line[at] ^= 1 << bit;
                fast.take(&line, 0);
                line[at] ^= 1 << bit;
            }
        }
        assert_eq!(fast.proven, 1);
        fast.take(&line, 0);
        assert_eq!(fast.proven, 2, "it is still known");
    }
}

#[test]
fn a_change_that_befalls_every_record_alike_is_never_taken_for_their_form() {
    let [mut fast, _] = sides(9, 2, Format::JsonLines);
    let mut line = line(1, 3, Style::Least, &Fate::Whole);
    let last = text_in(&line).end - 1;
    line[last] = if line[last] == b'x' { b'y' } else { b'x' };
    (0..3).for_each(|_| drop(fast.take(&line, 0)));
    assert_eq!((fast.proven, fast.ledger.totals().corrupted), (0, 3));
}

#[test]
fn from_the_second_round_of_the_pool_on_every_text_is_proven_however_the_agent_escapes_it() {
    let rounds = payloads().get(StreamId(0)).expect("a stream").pool().len() as u64;
    for (style, expected) in STYLES.into_iter().zip([2 * rounds, 2 * rounds, 0, rounds]) {
        let [mut first, _] = sides(9, 2, Format::JsonLines);
        let mut later = Side::new(first.decoder.clone(), 9, 2);
        for seq in 0..rounds {
            (0..2).for_each(|stream| drop(first.take(&line(stream, seq, style, &Fate::Whole), 0)));
        }
        assert_eq!(first.proven, 0, "{style:?}");
        // Another connection: it needs to meet each kind of body once to know where the stamp is.
        (0..2).for_each(|stream| drop(later.take(&line(stream, 0, style, &Fate::Whole), 0)));
        for seq in rounds..2 * rounds {
            (0..2).for_each(|stream| drop(later.take(&line(stream, seq, style, &Fate::Whole), 0)));
        }
        assert_eq!(later.proven as u64, expected, "{style:?}");
    }
}

#[test]
fn memory_for_forms_is_bounded_and_what_does_not_fit_is_unescaped() {
    let [mut fast, _] = sides(9, 2, Format::JsonLines);
    fast.decoder.forms.as_ref().expect("texts are known").fill();
    let line = line(1, 3, Style::Least, &Fate::Whole);
    let found = [fast.take(&line, 0), fast.take(&line, 0)];
    assert_eq!((fast.proven, &found[0]), (0, &found[1]));
}
