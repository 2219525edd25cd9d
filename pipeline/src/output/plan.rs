//! What every output has: its tags, its patience, and how a record is written as JSON.

use std::path::PathBuf;

use super::{backoff::Pauses, cloudwatch, es, file, forward, http, syslog};
use crate::{
    buffer::route::Matching,
    config::{
        error::At,
        keys::{Keys, bad},
        plan::{LogLevel, ServicePlan},
        shared, value,
    },
};

/// One output.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputPlan {
    /// Its name in messages: the plugin and its place, as `http.0`.
    pub name: String,
    /// What of it is logged, if that differs from the rest.
    pub log_level: Option<LogLevel>,
    /// The tags it takes.
    pub matches: Matching,
    /// What happens to what it cannot deliver.
    pub retry: RetryLimit,
    /// How long it pauses between tries.
    pub pauses: Pauses,
    /// Where records go that can never be accepted; without it they are only counted and named in the log.
    pub dead_letter: Option<PathBuf>,
    /// Deliveries that are under way at once.
    pub workers: usize,
    /// What may wait for it on disk.
    pub total_limit: Option<TotalLimit>,
    /// Where it delivers.
    pub to: Destination,
}

/// How often a delivery is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryLimit {
    /// For ever: nothing is dropped because the other side is away. The default.
    Never,
    /// So many times; then the request is given up, counted and named in the log.
    After(u32),
}

/// The most that may wait on disk for one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TotalLimit {
    /// Bytes of segments.
    pub bytes: u64,
    /// Over the limit the oldest records are dropped, counted and named in the log; otherwise inputs pause.
    pub drop_oldest: bool,
}

/// Where an output delivers.
#[derive(Debug, Clone, PartialEq)]
pub enum Destination {
    /// Requests to a server.
    Http(Box<http::HttpPlan>),
    /// Lines in files.
    File(Box<file::FilePlan>),
    /// Nowhere: taken at once.
    Null,
    /// JSON on standard output.
    Stdout(super::stdout::StdoutPlan),
    /// Another agent, by the forward protocol.
    Forward(Box<forward::ForwardPlan>),
    /// Elasticsearch and what speaks like it.
    Es(Box<es::EsPlan>),
    /// CloudWatch Logs.
    CloudWatch(Box<cloudwatch::CloudWatchPlan>),
    /// A syslog server.
    Syslog(Box<syslog::SyslogPlan>),
}

/// How a record is written as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFormat {
    /// Key of the time, if it is wanted.
    pub date_key: Option<String>,
    /// How the time is written.
    pub date: DateFormat,
}

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateFormat {
    /// Seconds with nanoseconds, a number.
    Double,
    /// Whole seconds, a number.
    Epoch,
    /// Whole milliseconds, a number.
    EpochMs,
    /// `2026-11-21T05:50:01.123456Z`, a string.
    Iso8601,
    /// The same with milliseconds.
    Iso8601Ms,
    /// The same with nanoseconds.
    Iso8601Ns,
    /// `2026-11-21 05:50:01.123456`, a string.
    JavaSql,
}

const DATES: &[&str] = &["double", "epoch", "epoch_ms", "iso8601", "java_sql_timestamp"];
const POLICIES: &[&str] = &["block", "drop_oldest"];
const RETRY: &str = "no_limits, no_retries or a number";
const DEAD_LETTER: &str = "the path of a file";

/// The keys of an output over a network, and its own.
macro_rules! net_keys {
    ($($own:literal),* $(,)?) => {
        &[
            "Host", "Port", "tls", "tls.verify", "tls.verify_hostname", "tls.ca_file", "tls.ca_path", "tls.crt_file", "tls.key_file",
            "tls.vhost", "net.connect_timeout", "net.io_timeout", "net.keepalive", "net.keepalive_idle_timeout",
            "net.keepalive_max_recycle", "net.dns.mode", "net.dns.resolver", "net.dns.prefer_ipv4", "net.dns.prefer_ipv6",
            "net.max_worker_connections", "net.tcp_keepalive", "net.connect_timeout_log_error", "net.proxy_env_ignore",
            "tls.debug", "log_suppress_interval", $($own),*
        ]
    };
}

pub(crate) use net_keys;

impl OutputPlan {
    /// The keys that every output has.
    pub(crate) fn of(keys: &Keys<'_>, name: String, service: &ServicePlan, to: Destination) -> At<Self> {
        let bytes = keys.read("storage.total_limit_size", None, "a size of at least 1M, as 500M", |text| {
            value::size(text).filter(|&size| size >= 1_000_000).map(Some)
        })?;
        let drop_oldest = keys.word("storage.total_limit_policy", POLICIES)? == Some(1);
        let dead_letter = match keys.get("Dead_Letter") {
            Some(entry) if entry.value.ends_with('/') => return Err((entry.line, bad(entry, DEAD_LETTER))),
            Some(entry) => Some(PathBuf::from(&entry.value)),
            None => None,
        };
        Ok(Self {
            name,
            log_level: shared::log_level(keys)?,
            matches: shared::matching(keys)?,
            retry: keys.read("Retry_Limit", RetryLimit::Never, RETRY, retry)?,
            pauses: service.pauses,
            dead_letter,
            workers: keys.read("Workers", 1, "a number from 1 to 64", |text| {
                // Fluent Bit's 0 means no thread of its own: one delivery at a time here.
                text.parse().ok().filter(|&workers: &usize| workers <= 64).map(|workers| workers.max(1))
            })?,
            total_limit: bytes.map(|bytes| TotalLimit { bytes, drop_oldest }),
            to,
        })
    }
}

fn retry(text: &str) -> Option<RetryLimit> {
    match text.to_ascii_lowercase().as_str() {
        "no_limits" | "false" | "off" => Some(RetryLimit::Never),
        "no_retries" => Some(RetryLimit::After(0)),
        number => number.parse().ok().filter(|&times| times > 0).map(RetryLimit::After),
    }
}

/// `Json_date_key` and `Json_date_format`.
pub(crate) fn record(keys: &Keys<'_>) -> At<RecordFormat> {
    let date_key = keys.text("Json_date_key").unwrap_or_else(|| "date".to_owned());
    Ok(RecordFormat {
        date_key: (value::boolean(&date_key) != Some(false)).then_some(date_key),
        date: match keys.word("Json_date_format", DATES)? {
            Some(1) => DateFormat::Epoch,
            Some(2) => DateFormat::EpochMs,
            Some(3) => DateFormat::Iso8601,
            Some(4) => DateFormat::JavaSql,
            _ => DateFormat::Double,
        },
    })
}

/// A size in bytes within bounds.
pub(crate) fn bytes(keys: &Keys<'_>, key: &'static str, default: u64, least: u64, most: u64) -> At<usize> {
    let read = |text: &str| value::size(text).filter(|size| (least..=most).contains(size));
    keys.read(key, default, "a size in its range, as 1M or 256k", read).map(|size| size as usize)
}
