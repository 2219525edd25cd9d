//! Draws the unchanging part of a text: everything but stamp and field, which are zeros here.
//!
//! ```text
//! nginx_combined  10.0.1nn.1nn - - [04/Mar/2026:05:mm:ss +0000] "GET /v1/orders/9?id=<stamp>&f=<field> HTTP/1.1" 200 …
//! logfmt          id=<stamp> req=<field> time=… method=GET path=/login status=200 … msg="words"
//! ltsv            id:<stamp> TAB req:<field> TAB time:… TAB method:GET … TAB ua:words
//! stack_trace     <stamp> req=<field> ERROR [worker] java.lang.…: words LF TAB at com.example.… LF Caused by: …
//! request         /v1/orders/9?id=<stamp>&f=<field>&q=words       what a client asks for; a front end logs it
//! probe           kube-probe/1.33 <stamp> f=<field>;words         the user agent of a liveness probe
//! ```
//! Stamp and field stand at the same place in every text of a body, so heads have a fixed width.

mod words;

use results::identity::STAMP_LEN;

use super::{Body, FIELD_LEN, mix};
use words::{AGENTS, CALLS, CAUSES, FORMS, LEVELS, METHODS, PATHS, QUERY, ROUTES, WORDS};

/// Where CRI and Docker split; a character must not lie across it, since Docker would replace its halves.
const SPLIT: usize = 16_384;

/// Virtual hosts behind one ingress.
const HOSTS: &[&str] = &["shop.example", "api.example", "img.example"];

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

/// What stands before the stamp, as wide as in every text, and between stamp and field.
fn around(body: Body) -> (&'static str, &'static str) {
    match body {
        Body::NginxJson | Body::IngressJson => (r#"{"id":""#, r#"","request_id":""#),
        Body::AppText | Body::StackTrace => ("", " req="),
        Body::NginxCombined => (r#"10.0.100.100 - - [04/Mar/2026:05:00:00 +0000] "GET /v1/orders/9?id="#, "&f="),
        Body::Logfmt => ("id=", " req="),
        Body::Ltsv => ("id:", "\treq:"),
        Body::Request => ("/v1/orders/9?id=", "&f="),
        Body::Probe => ("kube-probe/1.33 ", " f="),
    }
}

/// Where the stamp begins.
pub(super) fn stamp_at(body: Body) -> usize {
    around(body).0.len()
}

/// Where the field begins.
pub(super) fn field_at(body: Body) -> usize {
    stamp_at(body) + STAMP_LEN + around(body).1.len()
}

/// One text of `len` bytes, or of the least length its body needs.
pub(super) fn draw(body: Body, seed: u64, len: usize) -> Vec<u8> {
    let mut dice = Dice(seed);
    let blank = "0".repeat(STAMP_LEN);
    let field = "0".repeat(FIELD_LEN);
    let (mut text, end) = match body {
        Body::NginxJson => (nginx(&mut dice, &blank, &field), r#""}"#),
        Body::IngressJson => {
            let host = dice.pick(HOSTS);
            (
                nginx(&mut dice, &blank, &field).replacen(r#"","method"#, &format!(r#"","vhost":"{host}","method"#), 1),
                r#""}"#,
            )
        }
        Body::AppText => {
            let (level, worker) = (dice.pick(LEVELS), dice.roll(64));
            (format!("{blank} req={field} {level} [worker-{worker}] "), "")
        }
        Body::NginxCombined => (combined(&mut dice, &blank, &field), "\""),
        Body::Logfmt => (logfmt(&mut dice, &blank, &field), "\""),
        Body::Ltsv => (ltsv(&mut dice, &blank, &field), ""),
        Body::StackTrace => (trace(&mut dice, &blank, &field, len), ""),
        Body::Request => (format!("{}?id={blank}&f={field}&q=", dice.pick(ROUTES)), ""),
        Body::Probe => (format!("kube-probe/1.33 {blank} f={field};"), ""),
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

fn combined(dice: &mut Dice, blank: &str, field: &str) -> String {
    let (net, host) = (100 + dice.roll(100), 100 + dice.roll(100));
    let (minute, second) = (dice.roll(60), dice.roll(60));
    let (method, route, form) = (dice.pick(&["GET", "PUT"]), dice.pick(ROUTES), dice.pick(FORMS));
    let (status, bytes) = (200 + dice.roll(4) * 100, dice.roll(100_000));
    let referer = dice.pick(&["-", "https://shop.example/basket"]);
    format!(
        r#"10.0.{net}.{host} - - [04/Mar/2026:05:{minute:02}:{second:02} +0000] "{method} {route}?id={blank}&f={field} HTTP/1.1" {status} {bytes} "{referer}" "{form} "#
    )
}

fn logfmt(dice: &mut Dice, blank: &str, field: &str) -> String {
    let (level, method, route) = (dice.pick(LEVELS).trim_end().to_lowercase(), dice.pick(METHODS), dice.pick(ROUTES));
    let (minute, second, ms) = (dice.roll(60), dice.roll(60), dice.roll(1_000));
    let status = 200 + dice.roll(4) * 100;
    format!(
        r#"id={blank} req={field} time=2026-03-04T05:{minute:02}:{second:02}Z level={level} method={method} path={route} status={status} duration=0.{ms:03} msg=""#
    )
}

fn ltsv(dice: &mut Dice, blank: &str, field: &str) -> String {
    let (method, route, form) = (dice.pick(METHODS), dice.pick(ROUTES), dice.pick(FORMS));
    let (minute, second, host, ms) = (dice.roll(60), dice.roll(60), dice.roll(255), dice.roll(1_000));
    let (status, size) = (200 + dice.roll(4) * 100, dice.roll(100_000));
    format!(
        "id:{blank}\treq:{field}\ttime:2026-03-04T05:{minute:02}:{second:02}Z\thost:10.0.3.{host}\tmethod:{method}\turi:{route}\tstatus:{status}\tsize:{size}\treqtime:0.{ms:03}\tua:{form} "
    )
}

/// An exception as the JVM prints it: what stands below the first line is indented or names a cause.
fn trace(dice: &mut Dice, blank: &str, field: &str, len: usize) -> String {
    let worker = dice.roll(64);
    let mut text = format!(
        "{blank} req={field} ERROR [worker-{worker}] {}Exception: order {} refused",
        dice.pick(CAUSES),
        dice.roll(100_000)
    );
    let mut frames = 0;
    // The last frame is lengthened to the byte by `fill`.
    while frames < 2 || text.len() + 160 < len {
        if frames > 0 && frames % 8 == 0 {
            text.push_str(&format!("\nCaused by: {}Exception: timed out", dice.pick(CAUSES)));
        }
        let line = 10 + dice.roll(900);
        text.push_str(&format!("\n\tat com.example.shop.{}(Shop.java:{line})", dice.pick(CALLS)));
        frames += 1;
    }
    text.push_str("\n\tat com.example.shop.Main.");
    text
}

/// Appends words until `len` is reached exactly.
fn fill(text: &mut String, dice: &mut Dice, len: usize, body: Body) {
    let (words, between) = match body {
        Body::Request => (QUERY, '+'),
        Body::StackTrace => (QUERY, '.'),
        _ => (WORDS, ' '),
    };
    let begin = text.len();
    while text.len() < len {
        let left = len - text.len();
        let word = dice.pick(words);
        if word.len() < left && may_hold(body, word) {
            text.push_str(word);
            text.push(between);
        } else {
            let run = left.min(6);
            text.extend((0..run).map(|_| char::from(b'a' + dice.roll(26) as u8)));
        }
    }
    // Whoever parses the others may take a blank at the end for nothing.
    if !body.is_json() && body != Body::AppText && text.len() > begin && text.ends_with(between) {
        text.pop();
        text.push('x');
    }
}

/// Whether a word may stand in the last field of a body as it is.
fn may_hold(body: Body, word: &str) -> bool {
    match body {
        Body::AppText | Body::Request | Body::StackTrace => true,
        // The words that need escaping would change their length.
        Body::NginxJson | Body::IngressJson | Body::Logfmt => !word.contains(['"', '\\', '\t']),
        Body::Ltsv => !word.contains('\t'),
        // nginx writes whatever is not ASCII as `\xHH`.
        Body::NginxCombined | Body::Probe => word.is_ascii() && !word.contains(['"', '\\', '\t']),
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
