//! What a configuration means, for people: every section with its keys as written and the defaults of the others.
//!
//! ```text
//! [INPUT] tail.0                          # agent.conf:6
//!     Name                     tail
//!     Path                     /var/log/*.log
//!     Refresh_Interval         60s        (default)
//! ```
//! Secrets are not shown.

use super::{Config, Section, SectionKind};

/// Keys whose values nobody else may see, in lower case; any key that ends so counts.
const SECRET: &[&str] = &["passwd", "password", "shared_key", "users", "secret", "secret_key", "token"];

impl Config {
    /// The settled configuration as text; complete once it was planned.
    pub fn settled(&self) -> String {
        let mut out = String::new();
        let mut counts = [0; 3];
        for section in &self.sections {
            if !out.is_empty() {
                out.push('\n');
            }
            self.heading(section, &mut counts, &mut out);
            section.show(&mut out);
        }
        out
    }

    fn heading(&self, section: &Section, counts: &mut [usize; 3], out: &mut String) {
        let count = match section.kind {
            SectionKind::Input => Some(0),
            SectionKind::Filter => Some(1),
            SectionKind::Output => Some(2),
            _ => None,
        };
        let of = |key: &str| section.value(key).unwrap_or_default();
        let name = match count {
            Some(count) => {
                let alias = section.value("Alias").map(ToOwned::to_owned);
                let name = alias.unwrap_or_else(|| format!("{}.{}", of("Name").to_ascii_lowercase(), counts[count]));
                counts[count] += 1;
                name
            }
            None => of("Name").to_owned(),
        };
        let heading = format!("[{}] {}", section.kind.heading(), safe(&name));
        let file = &self.files[usize::from(section.line.file)];
        let at = if section.line.line == 0 { String::new() } else { format!(":{}", section.line.line) };
        out.push_str(&format!("{:<40}# {}{at}\n", heading.trim_end(), safe(&file.display().to_string())));
    }
}

impl Section {
    /// The value of a key, the first if it comes several times.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|entry| entry.key.eq_ignore_ascii_case(key)).map(|entry| entry.value.as_str())
    }

    fn show(&self, out: &mut String) {
        let spelt = self.spelt.borrow();
        for (index, entry) in self.entries.iter().enumerate() {
            if entry.key == super::settle::FILE {
                continue;
            }
            let key = spelt.get(index).map_or(entry.key.as_str(), |key| key);
            let header = entry.key.eq_ignore_ascii_case("Header") && secret_header(&entry.value);
            let lower = entry.key.to_ascii_lowercase();
            let hidden = header || SECRET.iter().any(|end| lower.ends_with(end));
            let value = if hidden { "(not shown)".to_owned() } else { safe(&entry.value) };
            out.push_str(&format!("    {key:<28} {value}\n"));
        }
        for (key, value) in self.defaults.borrow().iter() {
            if let Some(value) = plain(value) {
                out.push_str(&format!("    {key:<28} {:<20} (default)\n", safe(value)));
            }
        }
    }
}

fn secret_header(value: &str) -> bool {
    let name = value.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    ["authorization", "proxy-authorization", "cookie", "x-api-key"].contains(&name.as_str())
}

/// A default as one would write it; none if it is to leave the key out.
fn plain(debug: &str) -> Option<&str> {
    let inner = debug.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(debug);
    let inner = inner.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(inner);
    (!inner.is_empty() && inner != "None").then_some(inner)
}

/// Control characters and what changes the direction of text, made visible.
fn safe(text: &str) -> String {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if odd(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}
