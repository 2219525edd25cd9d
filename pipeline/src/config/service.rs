//! `[SERVICE]`: the process as a whole.

use std::net::{IpAddr, SocketAddr};

use super::{
    Section,
    error::{At, Problem},
    keys::{Keys, bad},
    plan::{Health, HttpServer, LogLevel, ServicePlan, StoragePlan},
    shared, value,
};
use crate::output::backoff::Pauses;

const KEYS: &[&str] = &[
    "Flush",
    "Grace",
    "Daemon",
    "Log_Level",
    "Log_File",
    "Parsers_File",
    "HTTP_Server",
    "HTTP_Listen",
    "HTTP_Port",
    "Health_Check",
    "HC_Errors_Count",
    "HC_Retry_Failure_Count",
    "HC_Period",
    "HC_Stall_Period",
    "Hot_Reload",
    "scheduler.base",
    "scheduler.cap",
    "storage.path",
    "storage.sync",
    "storage.checksum",
    "storage.max_chunks_up",
    "storage.backlog.mem_limit",
    "storage.metrics",
    "Plugins_File",
    "Coro_Stack_Size",
    "dns.mode",
    "dns.resolver",
    "Hot_Reload.Timeout",
    "windows.maxstdio",
];
/// Switches of what there is not here.
const SWITCHES: &[&str] = &[
    "dns.prefer_ipv4",
    "dns.prefer_ipv6",
    "json.convert_nan_to_null",
    "json.escape_unicode",
    "sp.convert_from_str_to_num",
    "Hot_Reload.Ensure_Thread_Safety",
    "storage.trim_files",
    "Enable_Chunk_Trace",
];
/// Keys that Fluent Bit has and this program has not, and why.
const REFUSED: &[(&str, &str)] = &[
    ("Streams_File", "there is no stream processor; filter and tag records instead"),
    ("storage.delete_irrecoverable_chunks", "damaged segments are never deleted unread; remove it"),
    ("storage.inherit", "state `storage.type` in each input; remove it"),
];
const SYNC: &[&str] = &["normal", "full"];

pub(super) fn plan(section: &Section) -> At<ServicePlan> {
    for entry in &section.entries {
        if let Some((_, why)) = REFUSED.iter().find(|(key, _)| key.eq_ignore_ascii_case(&entry.key)) {
            return Err((entry.line, Problem::Refused { what: entry.key.clone(), why }));
        }
    }
    let keys = Keys::with(section, KEYS, SWITCHES, &["Parsers_File"])?;
    fixed(&keys)?;
    without_meaning(&keys)?;
    Ok(ServicePlan {
        flush_ms: keys.millis("Flush", 1_000, 1, 3_600_000)?,
        grace_ms: keys.millis("Grace", 5_000, 0, 3_600_000)?,
        log_level: shared::log_level(&keys)?.unwrap_or(LogLevel::Info),
        log_file: keys.text("Log_File").map(Into::into),
        http: http(&keys)?,
        health: health(&keys)?,
        pauses: pauses(&keys)?,
        storage: storage(&keys)?,
    })
}

/// Keys with one possible value.
fn fixed(keys: &Keys<'_>) -> At<()> {
    for (key, only, why) in [
        ("Daemon", false, "`Daemon` can only be off; start the program in the background"),
        ("Hot_Reload", true, "`Hot_Reload` can only be on: SIGHUP reloads; remove it"),
    ] {
        if let Some(entry) = keys.get(key)
            && value::boolean(&entry.value) != Some(only)
        {
            return Err((entry.line, Problem::Contradiction(why)));
        }
    }
    Ok(())
}

/// Keys that adjust what there is not, so that they change nothing: coroutines, a resolver, a stream processor, plugins of
/// their own files. Whoever wrote them finds them checked.
fn without_meaning(keys: &Keys<'_>) -> At<()> {
    keys.get("Plugins_File");
    for key in ["Coro_Stack_Size", "windows.maxstdio"] {
        keys.get(key).map(|_| keys.bytes(key, 24_576, 1, 64_000_000_000)).transpose()?;
    }
    keys.get("Hot_Reload.Timeout").map(|_| keys.millis("Hot_Reload.Timeout", 0, 0, 86_400_000)).transpose()?;
    for key in SWITCHES {
        keys.get(key).map(|_| keys.boolean(key, false)).transpose()?;
    }
    keys.word("dns.mode", &["UDP", "TCP"])?;
    keys.word("dns.resolver", &["LEGACY", "ASYNC"]).map(|_| ())
}

fn http(keys: &Keys<'_>) -> At<Option<HttpServer>> {
    let on = keys.boolean("HTTP_Server", false)?;
    let ip: IpAddr = match keys.get("HTTP_Listen") {
        None => IpAddr::from([127, 0, 0, 1]),
        Some(entry) => {
            entry.value.parse().map_err(|_| (entry.line, bad(entry, "an address, as 127.0.0.1 or 0.0.0.0")))?
        }
    };
    let port = keys.number("HTTP_Port", 2020, 1, 65_535)? as u16;
    Ok(on.then(|| HttpServer { listen: SocketAddr::new(ip, port) }))
}

fn health(keys: &Keys<'_>) -> At<Health> {
    Ok(Health {
        check: keys.boolean("Health_Check", false)?,
        errors: keys.number("HC_Errors_Count", 5, 0, 1_000_000_000)?,
        retry_failures: keys.number("HC_Retry_Failure_Count", 5, 0, 1_000_000_000)?,
        period_ms: keys.millis("HC_Period", 60_000, 1_000, 86_400_000)?,
        stall_ms: keys.millis("HC_Stall_Period", 60_000, 1_000, 86_400_000)?,
    })
}

fn pauses(keys: &Keys<'_>) -> At<Pauses> {
    let unless = Pauses::default();
    let first_ms = keys.millis("scheduler.base", unless.first_ms, 1, 3_600_000)?;
    let most_ms = keys.millis("scheduler.cap", unless.most_ms.max(first_ms), 1, 86_400_000)?;
    match keys.get("scheduler.cap") {
        Some(entry) if most_ms < first_ms => Err((entry.line, bad(entry, "at least scheduler.base"))),
        _ => Ok(Pauses { first_ms, most_ms }),
    }
}

fn storage(keys: &Keys<'_>) -> At<StoragePlan> {
    Ok(StoragePlan {
        path: keys.text("storage.path").map(Into::into),
        sync_full: keys.word("storage.sync", SYNC)? == Some(1),
        checksum: keys.boolean("storage.checksum", true)?,
        chunks_up: keys.number("storage.max_chunks_up", 128, 1, 1_000_000)? as usize,
        backlog_bytes: keys.bytes("storage.backlog.mem_limit", 5_000_000, 64_000, 64_000_000_000)? as usize,
        metrics: keys.boolean("storage.metrics", false)?,
    })
}
