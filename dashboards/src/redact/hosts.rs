//! Names for machines: addresses, names with dots, and what is called a host.
//!
//! ```text
//!  10.0.0.7   fe80::1   [::1]:514            addresses
//!  http://store/_bulk   store:9200           what stands where a host stands
//!  app.prod.example.org   ada@example.org    names with dots
//!  host=db-7   hostname: db-7                what is called one
//! ```
//! Rather one too many than one too few: a file called `x.go` becomes a host, too.

use std::collections::BTreeMap;

/// Endings of names that are no machine's: parts of a scenario, files of a run, what a rotation makes.
const NO_HOST: [&str; 8] = ["gz", "log", "toml", "json", "jsonl", "bin", "conf", "txt"];

/// The machines of a run.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    numbers: BTreeMap<String, usize>,
}

impl Hosts {
    /// The text without names of machines.
    pub(super) fn hidden(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let mut before = "";
        while !rest.is_empty() {
            let end = rest.find(is_gap).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            // `--set rotate.every=1s`: a key of the scenario, not a machine.
            let is_key = before == "--set" && after.starts_with('=');
            let called = is_called(before, &out);
            out.push_str(&if is_key { word.to_owned() } else { self.word(word, called, out.ends_with("://")) });
            if !word.is_empty() {
                before = word;
            }
            let gap = after.find(|c| !is_gap(c)).unwrap_or(after.len());
            out.push_str(&after[..gap]);
            rest = &after[gap..];
        }
        out
    }

    fn word(&mut self, word: &str, called: bool, authority: bool) -> String {
        let bare = word.trim_end_matches(['.', ':']);
        let end = &word[bare.len()..];
        if bare.is_empty() {
            return word.to_owned();
        }
        if is_address(bare) || is_dotted(bare) || called || (authority && !bare.contains(':')) {
            return self.named(bare) + end;
        }
        match bare.rsplit_once(':') {
            Some((host, port)) if is_port(port) && (authority || is_address(host) || is_machine(host)) => {
                format!("{}:{port}{end}", self.named(host))
            }
            _ => word.to_owned(),
        }
    }

    fn named(&mut self, host: &str) -> String {
        let next = self.numbers.len() + 1;
        let number = *self.numbers.entry(host.to_ascii_lowercase()).or_insert(next);
        format!("host{number}")
    }
}

/// What stands between words; `:` is part of one.
fn is_gap(c: char) -> bool {
    c.is_whitespace() || "\"'`,;()[]{}<>|=/@".contains(c)
}

/// Whether what follows is said to be a host: `host=`, `hostname: `.
fn is_called(before: &str, said: &str) -> bool {
    let key = before.trim_end_matches(':').to_ascii_lowercase();
    let says = ["host", "hostname", "node", "nodename", "address", "addr", "server"].contains(&key.as_str());
    says && (before.ends_with(':') || said.trim_end().ends_with('='))
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_address(text: &str) -> bool {
    let v4 = |text: &str| text.parse::<std::net::Ipv4Addr>().is_ok();
    // An address of the sixth version may name its interface.
    let bare = text.split('%').next().unwrap_or_default();
    v4(text) || (bare.contains(':') && bare.parse::<std::net::Ipv6Addr>().is_ok())
}

/// `app.example.org`: its last part is letters, and no part is empty. A file that is called after one counts.
fn is_dotted(text: &str) -> bool {
    let Some((front, last)) = text.rsplit_once('.') else { return false };
    if NO_HOST.contains(&last.to_ascii_lowercase().as_str()) {
        return is_dotted(front);
    }
    let letters = |part: &str| part.len() >= 2 && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let labels =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    letters(last) && front.split('.').all(labels)
}

/// A name that could be a machine's: not a number, as in a time of day.
fn is_machine(text: &str) -> bool {
    is_dotted(text)
        || (text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)))
}
