//! What a line of the access log says, to the byte as nginx writes it.
//!
//! ```text
//! combined  127.0.0.1 - - [21/Nov/2026:05:48:09 +0000] "GET /a?b HTTP/1.1" 200 3 "-" "curl/8"
//! json      {"time":"2026-11-21T05:48:09+00:00","remote_addr":"127.0.0.1","method":"GET","uri":"/a?b","status":200,…}
//! logfmt    time=2026-… remote_addr=127.0.0.1 method=GET uri="/a?b" status=200 bytes=3 request_time=0.000 user_agent="curl/8"
//! ltsv      time:2026-… TAB host:127.0.0.1 TAB method:GET TAB uri:/a?b TAB status:200 TAB size:3 TAB reqtime:0.000 TAB ua:curl/8
//! ```

use std::net::IpAddr;

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// What a line says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// nginx's own.
    #[default]
    Combined,
    /// One object.
    Json,
    /// `key=value`.
    Logfmt,
    /// `label:value`, tabs between.
    Ltsv,
}

impl LogFormat {
    /// What stands in nginx's configuration; the front end fills in the same.
    fn template(self) -> &'static str {
        match self {
            Self::Combined => {
                r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#
            }
            Self::Json => {
                r#"{"time":"$time_iso8601","remote_addr":"$remote_addr","method":"$request_method","uri":"$request_uri","status":$status,"bytes":$body_bytes_sent,"request_time":$request_time,"vhost":"$host","user_agent":"$http_user_agent"}"#
            }
            Self::Logfmt => {
                r#"time=$time_iso8601 remote_addr=$remote_addr method=$request_method uri="$request_uri" status=$status bytes=$body_bytes_sent request_time=$request_time user_agent="$http_user_agent""#
            }
            Self::Ltsv => {
                "time:$time_iso8601\thost:$remote_addr\tmethod:$request_method\turi:$request_uri\tstatus:$status\tsize:$body_bytes_sent\treqtime:$request_time\tua:$http_user_agent"
            }
        }
    }

    /// The arguments of a `log_format` that makes nginx write the same.
    pub fn nginx(self) -> String {
        let escape = if self == Self::Json { "escape=json " } else { "" };
        format!("{escape}'{}'", self.template())
    }
}

/// A request as the log knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) peer: IpAddr,
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) host: &'a [u8],
    /// Empty: there is none.
    pub(super) agent: &'a [u8],
    pub(super) status: u16,
    /// Of the answer's body.
    pub(super) bytes: usize,
}

/// The present second as logs write it; kept until the next one.
#[derive(Debug, Default)]
pub(super) struct Second {
    since_1970: u64,
    pub(super) local: String,
    pub(super) iso: String,
    pub(super) syslog: String,
}

impl Second {
    /// Brings it up to date; microseconds since 1970.
    pub(super) fn turn(&mut self, wall_us: u64) -> &Self {
        let second = wall_us / 1_000_000;
        if second != self.since_1970 {
            self.since_1970 = second;
            let time = Timestamp::from_second(second as i64).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC);
            self.local = time.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
            self.iso = time.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
            self.syslog = time.strftime("%b %e %H:%M:%S").to_string();
        }
        self
    }
}

/// One line without its line feed.
pub(super) fn line(format: LogFormat, of: &Request<'_>, second: &Second, out: &mut Vec<u8>) {
    let mut rest = format.template();
    while let Some((text, after)) = rest.split_once('$') {
        out.extend_from_slice(text.as_bytes());
        let end = after.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(after.len());
        let (name, after) = after.split_at(end);
        variable(name, format == LogFormat::Json, of, second, out);
        rest = after;
    }
    out.extend_from_slice(rest.as_bytes());
}

fn variable(name: &str, is_json: bool, of: &Request<'_>, second: &Second, out: &mut Vec<u8>) {
    let mut put = |bytes: &[u8]| match bytes {
        // Where a variable has no value, nginx writes a dash, but nothing into JSON.
        [] if !is_json => out.push(b'-'),
        _ if is_json => json(bytes, out),
        _ => plain(bytes, out),
    };
    match name {
        "remote_addr" => put(of.peer.to_string().as_bytes()),
        "time_local" => put(second.local.as_bytes()),
        "time_iso8601" => put(second.iso.as_bytes()),
        "request" => put(format!("{} {} HTTP/1.1", of.method, of.target).as_bytes()),
        "request_method" => put(of.method.as_bytes()),
        "request_uri" => put(of.target.as_bytes()),
        "request_time" => put(b"0.000"),
        "status" => put(of.status.to_string().as_bytes()),
        "body_bytes_sent" => put(of.bytes.to_string().as_bytes()),
        "host" => put(of.host),
        "http_user_agent" => put(of.agent),
        // Nobody logs in, and nobody says where he comes from.
        _ => put(b""),
    }
}

/// `escape=default`: quotes, backslashes and whatever is not visible ASCII as `\xHH`.
fn plain(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        match byte {
            b'"' | b'\\' | 0..=0x1f | 0x7f.. => out.extend_from_slice(format!("\\x{byte:02X}").as_bytes()),
            _ => out.push(*byte),
        }
    }
}

/// `escape=json`: what JSON demands; bytes that are no UTF-8 stay as they are.
fn json(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            0..=0x1f => out.extend_from_slice(format!("\\u{byte:04X}").as_bytes()),
            _ => out.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: Request<'_> = Request {
        peer: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        method: "GET",
        target: "/a?b=1",
        host: b"shop.example",
        agent: b"a \"b\" \xc3\xa9\\",
        status: 200,
        bytes: 3,
    };

    fn written(format: LogFormat, request: &Request<'_>) -> String {
        let (mut second, mut out) = (Second::default(), Vec::new());
        line(format, request, second.turn(1_700_000_000_000_000), &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn lines_are_those_of_nginx() {
        assert_eq!(
            written(LogFormat::Combined, &REQUEST),
            r#"127.0.0.1 - - [14/Nov/2023:22:13:20 +0000] "GET /a?b=1 HTTP/1.1" 200 3 "-" "a \x22b\x22 \xC3\xA9\x5C""#
        );
        assert_eq!(
            written(LogFormat::Json, &REQUEST),
            r#"{"time":"2023-11-14T22:13:20+00:00","remote_addr":"127.0.0.1","method":"GET","uri":"/a?b=1","status":200,"bytes":3,"request_time":0.000,"vhost":"shop.example","user_agent":"a \"b\" é\\"}"#
        );
        assert_eq!(
            written(LogFormat::Logfmt, &Request { agent: b"", ..REQUEST }),
            r#"time=2023-11-14T22:13:20+00:00 remote_addr=127.0.0.1 method=GET uri="/a?b=1" status=200 bytes=3 request_time=0.000 user_agent="-""#
        );
        assert_eq!(
            written(LogFormat::Ltsv, &Request { agent: b"x", ..REQUEST }),
            "time:2023-11-14T22:13:20+00:00\thost:127.0.0.1\tmethod:GET\turi:/a?b=1\tstatus:200\tsize:3\treqtime:0.000\tua:x"
        );
    }

    #[test]
    fn the_second_is_written_anew_when_it_is_over() {
        let mut second = Second::default();
        assert_eq!(second.turn(951_782_400_999_999).syslog, "Feb 29 00:00:00");
        assert_eq!(second.turn(951_782_401_000_000).syslog, "Feb 29 00:00:01");
    }
}
