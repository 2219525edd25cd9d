//! `[OUTPUT]` sections: http, file, null, stdout.

use super::{
    Entry, Section,
    error::At,
    keys::{Keys, bad},
    plan::{DateFormat, Destination, FilePlan, HttpPlan, OutputPlan, RecordFormat, RetryLimit},
    shared::{self, Around},
    value,
};

const PLUGINS: &[&str] = &["http", "file", "null", "stdout"];
const HTTP_KEYS: &[&str] = &[
    "Host",
    "Port",
    "URI",
    "Format",
    "Compress",
    "Header",
    "Json_date_key",
    "Json_date_format",
    "Body_Max_Size",
    "net.connect_timeout",
    "http.response_timeout",
    "net.keepalive",
    "tls",
];
const FILE_KEYS: &[&str] = &["Path", "File", "Format"];
const NULL_KEYS: &[&str] = &["Format"];
const STDOUT_KEYS: &[&str] = &["Format", "Json_date_key", "Json_date_format"];
const HTTP_FORMATS: &[&str] = &["json_lines", "json", "json_stream"];
const FILE_FORMATS: &[&str] = &["plain", "json", "out_file"];
const LINES: &[&str] = &["json_lines"];
const COMPRESS: &[&str] = &["gzip"];
const DATES: &[&str] = &["double", "epoch", "epoch_ms", "iso8601"];
const RETRY: &str = "no_limits, no_retries or a number";

#[expect(unused_variables, reason = "no output refers to an upstream yet")]
pub(super) fn plan(section: &Section, index: usize, around: &Around<'_>) -> At<OutputPlan> {
    let plugin = super::input::plugin(section, "output plugin", PLUGINS)?;
    let (keys, to) = match plugin {
        "http" => {
            let keys = Keys::with(section, HTTP_KEYS, shared::OUTPUT, &["Header"])?;
            let to = Destination::Http(http(&keys)?);
            (keys, to)
        }
        "file" => {
            let keys = Keys::with(section, FILE_KEYS, shared::OUTPUT, &[])?;
            let to = Destination::File(file(&keys)?);
            (keys, to)
        }
        "null" => (Keys::with(section, NULL_KEYS, shared::OUTPUT, &[])?, Destination::Null),
        _ => {
            let keys = Keys::with(section, STDOUT_KEYS, shared::OUTPUT, &[])?;
            keys.word("Format", LINES)?;
            let to = Destination::Stdout(record(&keys)?);
            (keys, to)
        }
    };
    let retry = keys.read("Retry_Limit", RetryLimit::Never, RETRY, retry)?;
    Ok(OutputPlan {
        name: shared::name(&keys, plugin, index)?,
        log_level: shared::log_level(&keys)?,
        matches: shared::matching(&keys)?,
        retry,
        to,
    })
}

fn retry(text: &str) -> Option<RetryLimit> {
    match text.to_ascii_lowercase().as_str() {
        "no_limits" | "false" | "off" => Some(RetryLimit::Never),
        "no_retries" => Some(RetryLimit::After(0)),
        number => number.parse().ok().filter(|&times| times > 0).map(RetryLimit::After),
    }
}

fn http(keys: &Keys<'_>) -> At<HttpPlan> {
    let ms = |key, default| keys.millis(key, default, 10, 3_600_000);
    for (key, only) in [("net.keepalive", true), ("tls", false)] {
        if let Some(entry) = keys.get(key)
            && value::boolean(&entry.value) != Some(only)
        {
            return Err((
                entry.line,
                bad(entry, if only { "on, the only choice" } else { "off, the only choice yet" }),
            ));
        }
    }
    let uri = keys.text("URI").unwrap_or_else(|| "/".to_owned());
    if !uri.starts_with('/') || uri.bytes().any(|byte| byte <= b' ' || byte >= 0x7f) {
        let entry = keys.need("URI")?;
        return Err((entry.line, bad(entry, "a path, as /records")));
    }
    Ok(HttpPlan {
        host: keys.text("Host").unwrap_or_else(|| "127.0.0.1".to_owned()),
        port: keys.read("Port", 80, "a port from 1 to 65535", |text| text.parse().ok().filter(|&port| port > 0))?,
        uri,
        array: keys.word("Format", HTTP_FORMATS)? == Some(1),
        gzip: keys.word("Compress", COMPRESS)?.is_some(),
        headers: keys.all("Header").map(header).collect::<At<_>>()?,
        record: record(keys)?,
        body_max: keys.bytes("Body_Max_Size", 1 << 20, 1_000, 64_000_000)? as usize,
        connect_timeout_ms: ms("net.connect_timeout", 10_000)?,
        response_timeout_ms: ms("http.response_timeout", 30_000)?,
    })
}

fn header(entry: &Entry) -> At<(String, String)> {
    const EXPECTED: &str = "a name and a value, as X-Scope logs";
    let (name, value) = entry.value.split_once(char::is_whitespace).ok_or((entry.line, bad(entry, EXPECTED)))?;
    let ours = ["content-length", "transfer-encoding", "content-encoding", "connection", "host"];
    let valid = hyper::header::HeaderName::from_bytes(name.as_bytes()).is_ok()
        && hyper::header::HeaderValue::from_str(value.trim()).is_ok()
        && !ours.contains(&name.to_ascii_lowercase().as_str());
    if !valid {
        return Err((entry.line, bad(entry, EXPECTED)));
    }
    Ok((name.to_owned(), value.trim().to_owned()))
}

fn record(keys: &Keys<'_>) -> At<RecordFormat> {
    let date_key = keys.text("Json_date_key").unwrap_or_else(|| "date".to_owned());
    Ok(RecordFormat {
        date_key: (value::boolean(&date_key) != Some(false)).then_some(date_key),
        date: match keys.word("Json_date_format", DATES)? {
            Some(1) => DateFormat::Epoch,
            Some(2) => DateFormat::EpochMs,
            Some(3) => DateFormat::Iso8601,
            _ => DateFormat::Double,
        },
    })
}

fn file(keys: &Keys<'_>) -> At<FilePlan> {
    let file = keys.text("File");
    if let Some(name) = &file
        && (name.contains('/') || name.starts_with('.') || name.len() > 255)
    {
        let entry = keys.need("File")?;
        return Err((entry.line, bad(entry, "a plain file name; its folder is Path")));
    }
    Ok(FilePlan {
        folder: keys.need("Path")?.value.clone().into(),
        file,
        prefix: !matches!(keys.word("Format", FILE_FORMATS)?, Some(0 | 1)),
    })
}
