//! Records as syslog messages.

use std::io::Write;

use super::SyslogPlan;
use crate::{
    config::{
        error::At,
        keys::{Keys, bad},
    },
    event::{Fields, Value, json},
    output::escape::Escaper,
    parse::{Batch, time::Time},
};

/// Where the parts of the header come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    severity: From,
    facility: From,
    hostname: From,
    appname: From,
    procid: From,
    msgid: From,
    structured: Option<String>,
    message: Option<String>,
}

/// A key of the record, and what counts without it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct From {
    key: Option<String>,
    preset: String,
}

const SEVERITIES: &[&str] = &["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
const MORE_SEVERITIES: &[(&str, u8)] = &[("panic", 0), ("emergency", 0), ("critical", 2), ("error", 3), ("warn", 4)];
const FACILITIES: &[&str] = &[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

impl Header {
    pub(super) fn plan(keys: &Keys<'_>) -> At<Self> {
        let from = |key, preset, default: &str| From {
            key: keys.text(key),
            preset: keys.text(preset).unwrap_or_else(|| default.to_owned()),
        };
        let header = Self {
            severity: from("Syslog_Severity_Key", "Syslog_Severity_Preset", "6"),
            facility: from("Syslog_Facility_Key", "Syslog_Facility_Preset", "1"),
            hostname: from("Syslog_Hostname_Key", "Syslog_Hostname_Preset", ""),
            appname: from("Syslog_Appname_Key", "Syslog_Appname_Preset", ""),
            procid: from("Syslog_Procid_Key", "Syslog_Procid_Preset", ""),
            msgid: from("Syslog_Msgid_Key", "Syslog_Msgid_Preset", ""),
            structured: keys.text("Syslog_SD_Key"),
            message: keys.text("Syslog_Message_Key"),
        };
        for (key, known, expected) in [
            ("Syslog_Severity_Preset", severity(&header.severity.preset), "a severity, 0 to 7 or as warning"),
            ("Syslog_Facility_Preset", facility(&header.facility.preset), "a facility, 0 to 23 or as local0"),
        ] {
            if known.is_none() {
                let entry = keys.need(key)?;
                return Err((entry.line, bad(entry, expected)));
            }
        }
        Ok(header)
    }
}

fn severity(text: &str) -> Option<u8> {
    let text = text.to_ascii_lowercase();
    let number = text.parse().ok().filter(|&number| number <= 7);
    let word = SEVERITIES.iter().position(|word| *word == text).map(|place| place as u8);
    number.or(word).or_else(|| MORE_SEVERITIES.iter().find(|(word, _)| *word == text).map(|(_, number)| *number))
}

fn facility(text: &str) -> Option<u8> {
    let text = text.to_ascii_lowercase();
    let number = text.parse().ok().filter(|&number| number <= 23);
    number.or_else(|| FACILITIES.iter().position(|word| *word == text).map(|place| place as u8))
}

/// Renders messages.
#[derive(Debug)]
pub(super) struct Formatter {
    header: Header,
    old: bool,
    /// The length stands before each message.
    octets: bool,
    stream: bool,
    most: usize,
    cut: u64,
    escaper: Escaper,
    line: Vec<u8>,
}

impl Formatter {
    pub(super) fn new(plan: &SyslogPlan) -> Self {
        let stream = matches!(plan.to, super::To::Tcp(_) | super::To::UnixStream(_));
        Self {
            header: plan.header.clone(),
            old: plan.old,
            octets: plan.octets && stream,
            stream,
            most: plan.most.unwrap_or(usize::MAX),
            cut: 0,
            escaper: Escaper::default(),
            line: Vec::new(),
        }
    }

    /// Messages that were cut since the last call.
    pub(super) fn take_cut(&mut self) -> u64 {
        std::mem::take(&mut self.cut)
    }

    /// Appends one message with its framing.
    pub(super) fn message(&mut self, batch: &Batch, index: usize, out: &mut Vec<u8>) {
        let event = batch.event(index);
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        let priority = self.priority(&event.fields);
        if self.old {
            self.old(priority, event.time, &event.fields, &mut line);
        } else {
            self.new_form(priority, event.time, &event.fields, &mut line);
        }
        let message = self.header.message.as_ref().map(|key| event.fields.get(key));
        match message {
            Some(Some(value)) => match value.as_bytes() {
                Some(text) => line.extend_from_slice(text),
                None => json::write(value, &mut self.escaper, &mut line),
            },
            // A record without that key is still a record: it goes as a whole.
            Some(None) | None => json::write_object(&event.fields, &mut self.escaper, &mut line),
        }
        if line.len() > self.most {
            self.cut += 1;
            let end = (0..=self.most).rev().find(|&end| line[end] & 0xc0 != 0x80).unwrap_or(self.most);
            line.truncate(end);
        }
        if self.octets {
            write!(out, "{} ", line.len()).expect("memory takes every byte");
            out.extend_from_slice(&line);
        } else if self.stream {
            unbroken(&line, out);
            out.push(b'\n');
        } else {
            out.extend_from_slice(&line);
        }
        self.line = line;
    }

    fn priority(&self, fields: &Fields) -> u8 {
        let of = |from: &From, read: fn(&str) -> Option<u8>| {
            let own = from.key.as_ref().and_then(|key| read(&text(fields.get(key)?)));
            own.or_else(|| read(&from.preset)).unwrap_or(0)
        };
        of(&self.header.facility, facility) * 8 + of(&self.header.severity, severity)
    }

    fn old(&self, priority: u8, time: Time, fields: &Fields, line: &mut Vec<u8>) {
        let at = jiff::Timestamp::from_second(time.seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let host = part(&self.header.hostname, fields, 255).unwrap_or_else(|| "localhost".to_owned());
        let app = part(&self.header.appname, fields, 48).unwrap_or_else(|| "-".to_owned());
        let process = part(&self.header.procid, fields, 128).map(|id| format!("[{id}]")).unwrap_or_default();
        let stamp = at.strftime("%b %e %H:%M:%S");
        write!(line, "<{priority}>{stamp} {host} {app}{process}: ").expect("memory takes every byte");
    }

    fn new_form(&self, priority: u8, time: Time, fields: &Fields, line: &mut Vec<u8>) {
        let at = jiff::Timestamp::from_second(time.seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let (stamp, micros) = (at.strftime("%Y-%m-%dT%H:%M:%S"), time.nanos / 1_000);
        write!(line, "<{priority}>1 {stamp}.{micros:06}Z").expect("memory takes every byte");
        let header = &self.header;
        for (from, most) in [(&header.hostname, 255), (&header.appname, 48), (&header.procid, 128), (&header.msgid, 32)]
        {
            let part = part(from, fields, most).unwrap_or_else(|| "-".to_owned());
            write!(line, " {part}").expect("memory takes every byte");
        }
        line.push(b' ');
        match header.structured.as_ref().and_then(|key| Some((key, fields.get(key)?.as_map()?))) {
            Some((id, parameters)) => structured(id.as_bytes(), parameters, line),
            _ => line.push(b'-'),
        }
        line.push(b' ');
    }
}

/// A part of the header: what cannot stand there is left out.
fn part(from: &From, fields: &Fields, most: usize) -> Option<String> {
    let own = from.key.as_ref().and_then(|key| fields.get(key)).map(text);
    let fit = |text: &str| -> String { text.chars().filter(char::is_ascii_graphic).take(most).collect() };
    own.map(|text| fit(&text))
        .filter(|text| !text.is_empty())
        .or_else(|| Some(fit(&from.preset)).filter(|text| !text.is_empty()))
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Binary(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Int(number) => number.to_string(),
        Value::Unsigned(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Null | Value::Array(_) | Value::Map(_) => String::new(),
    }
}

/// `[id key="value" …]`
fn structured(id: &[u8], parameters: &Fields, line: &mut Vec<u8>) {
    let name = |name: &[u8]| -> Vec<u8> {
        let fits = |byte: &u8| byte.is_ascii_graphic() && !b"=]\"".contains(byte);
        let name: Vec<u8> = name.iter().copied().filter(fits).take(32).collect();
        if name.is_empty() { b"_".to_vec() } else { name }
    };
    line.push(b'[');
    line.extend_from_slice(&name(id));
    for (key, value) in &parameters.0 {
        line.push(b' ');
        line.extend_from_slice(&name(key));
        line.extend_from_slice(b"=\"");
        for byte in text(value).bytes() {
            if b"\"\\]".contains(&byte) {
                line.push(b'\\');
            }
            line.push(byte);
        }
        line.push(b'"');
    }
    line.push(b']');
}

/// What would end the message before its time is escaped.
fn unbroken(line: &[u8], out: &mut Vec<u8>) {
    for byte in line {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0 => out.extend_from_slice(b"\\0"),
            _ => out.push(*byte),
        }
    }
}
