//! Draws the unchanging part of a text: everything but stamp and field, which are zeros here.

use results::identity::STAMP_LEN;

use super::{Body, FIELD_LEN, mix};

/// Where CRI and Docker split; a character must not lie across it, since Docker would replace its halves.
const SPLIT: usize = 16_384;

/// A stream of numbers for one template.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = mix(self.0);
        self.0 % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len() as u64) as usize]
    }
}

const WORDS: &[&str] = &[
    "accepted",
    "user",
    "session",
    "order",
    "shipped",
    "cache",
    "miss",
    "retry",
    "upstream",
    "timed",
    "out",
    "größe=12",
    "path=C:\\data\\in",
    "\"quoted value\"",
    "naïve",
    "日本語",
    "ключ=значение",
    "a\tb",
    "<tag attr=1>",
    "x&y",
    "it's",
    "100%",
    "{brace}",
    "[list, of]",
    "k=v",
    "état",
    "🙂",
    "\\n-is-not-a-newline",
    "trace",
    "db.query",
    "rows=42",
    "done",
];
const LEVELS: &[&str] = &["INFO ", "WARN ", "DEBUG", "ERROR"];
const METHODS: &[&str] = &["GET", "GET", "GET", "POST", "PUT", "DELETE"];
const PATHS: &[&str] =
    &["/", "/api/v1/orders", "/api/v1/users/me", "/static/app.js", "/login", "/search?q=caf\u{e9}", "/healthz"];
const AGENTS: &[&str] = &["curl/8.5.0", "Mozilla/5.0 (X11)", "kube-probe/1.33", "Go-http-client/2.0"];

/// Where the stamp begins.
pub(super) fn stamp_at(body: Body) -> usize {
    match body {
        Body::NginxJson => br#"{"id":""#.len(),
        Body::AppText => 0,
    }
}

/// Where the field begins.
pub(super) fn field_at(body: Body) -> usize {
    let between = match body {
        Body::NginxJson => br#"","request_id":""#.len(),
        Body::AppText => b" req=".len(),
    };
    stamp_at(body) + STAMP_LEN + between
}

/// One text of `len` bytes, or of the least length its body needs.
pub(super) fn draw(body: Body, seed: u64, len: usize) -> Vec<u8> {
    let mut dice = Dice(seed);
    let blank = "0".repeat(STAMP_LEN);
    let field = "0".repeat(FIELD_LEN);
    let (mut text, end) = match body {
        Body::NginxJson => (nginx(&mut dice, &blank, &field), r#""}"#),
        Body::AppText => {
            let (level, worker) = (dice.pick(LEVELS), dice.roll(64));
            (format!("{blank} req={field} {level} [worker-{worker}] "), "")
        }
    };
    fill(&mut text, &mut dice, len.saturating_sub(end.len()), body);
    text.push_str(end);
    unstraddle(text.into_bytes())
}

fn nginx(dice: &mut Dice, blank: &str, field: &str) -> String {
    let rest = format!("{:08x}", dice.roll(1 << 32));
    let (method, path, agent) = (dice.pick(METHODS), dice.pick(PATHS), dice.pick(AGENTS));
    let (minute, second, host) = (dice.roll(60), dice.roll(60), dice.roll(255));
    let (status, bytes, ms) = (200 + dice.roll(4) * 100, dice.roll(100_000), dice.roll(1_000));
    format!(
        r#"{{"id":"{blank}","request_id":"{field}{rest}","time":"2026-03-04T05:{minute:02}:{second:02}Z","remote_addr":"10.0.3.{host}","method":"{method}","uri":"{path}","status":{status},"bytes":{bytes},"request_time":0.{ms:03},"user_agent":"{agent} "#
    )
}

/// Appends words until `len` is reached exactly.
fn fill(text: &mut String, dice: &mut Dice, len: usize, body: Body) {
    while text.len() < len {
        let left = len - text.len();
        let word = dice.pick(WORDS);
        // In JSON the words that need escaping would change their length.
        let fits = word.len() < left && (body == Body::AppText || !word.contains(['"', '\\', '\t']));
        if fits {
            text.push_str(word);
            text.push(' ');
        } else {
            let run = left.min(6);
            text.extend((0..run).map(|_| char::from(b'a' + dice.roll(26) as u8)));
        }
    }
}

/// Replaces characters that lie across a split by letters.
fn unstraddle(text: Vec<u8>) -> Vec<u8> {
    let Ok(text) = String::from_utf8(text) else { unreachable!("drawn from strings") };
    let mut bytes = text.clone().into_bytes();
    for split in (SPLIT..text.len()).step_by(SPLIT).filter(|split| !text.is_char_boundary(*split)) {
        let from = (0..split).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let to = (split..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        bytes[from..to].fill(b'x');
    }
    bytes
}
