//! `[INPUT]` sections: which plugins there are. What their keys mean stands with each of them.

use super::{
    Section,
    error::{At, Problem},
    keys::{Keys, bad},
    plan::{InputKind, InputPlan},
    shared::{self, Around},
};
use crate::input::{beats, dummy, forward, http, stdin, syslog, tail};

const PLUGINS: &[&str] = &["tail", "syslog", "forward", "beats", "http", "dummy", "stdin"];

/// Most bytes that wait for the outputs, unless stated: with it the process stays below 64 MiB.
const BUFFER_BYTES: u64 = 24 << 20;

pub(super) fn plan(section: &Section, index: usize, around: &Around<'_>) -> At<InputPlan> {
    let plugin = plugin(section, "input plugin", PLUGINS)?;
    let (known, many) = match plugin {
        "syslog" => (syslog::KEYS, [].as_slice()),
        "forward" => (forward::KEYS, forward::MANY),
        "beats" => (beats::KEYS, [].as_slice()),
        "http" => (http::KEYS, http::MANY),
        "dummy" => (dummy::KEYS, [].as_slice()),
        "stdin" => (stdin::KEYS, [].as_slice()),
        _ => (tail::config::KEYS, tail::config::MANY),
    };
    let keys = Keys::with(section, known, shared::INPUT, many)?;
    let tag = |plugin: &str| tag(&keys, &format!("{plugin}.{index}"));
    let from = match plugin {
        "syslog" => InputKind::Syslog(Box::new(syslog::plan(&keys, tag(plugin)?.into(), around)?)),
        "forward" => {
            let tag = keys.get("Tag").map(|_| tag(plugin)).transpose()?.map(Into::into);
            InputKind::Forward(Box::new(forward::plan(&keys, tag)?))
        }
        "beats" => InputKind::Beats(Box::new(beats::plan(&keys, tag(plugin)?.into())?)),
        "http" => InputKind::Http(Box::new(http::plan(&keys, tag(plugin)?.into())?)),
        "dummy" => InputKind::Dummy(Box::new(dummy::plan(&keys, tag(plugin)?.into())?)),
        "stdin" => InputKind::Stdin(Box::new(stdin::plan(&keys, tag(plugin)?.into(), around)?)),
        _ => InputKind::Tail(Box::new(tail::config::plan(&keys, tag(plugin)?, around)?)),
    };
    shared::threaded(&keys)?;
    Ok(InputPlan {
        name: shared::name(&keys, plugin, index)?,
        log_level: shared::log_level(&keys)?,
        storage: shared::storage(&keys, around.service)?,
        buffer_bytes: keys.bytes("Mem_Buf_Limit", BUFFER_BYTES, 64_000, 64_000_000_000)? as usize,
        from,
    })
}

/// Which plugin a section is about.
pub(super) fn plugin(section: &Section, what: &'static str, known: &'static [&'static str]) -> At<&'static str> {
    let name = section.entries.iter().find(|entry| entry.key.eq_ignore_ascii_case("Name"));
    let name = name.ok_or((section.line, Problem::Missing("Name")))?;
    known.iter().find(|plugin| plugin.eq_ignore_ascii_case(&name.value)).copied().ok_or_else(|| {
        let nearest = super::nearest::nearest(&name.value, known);
        (name.line, Problem::Unknown { what, word: name.value.clone(), nearest, known })
    })
}

fn tag(keys: &Keys<'_>, default: &str) -> At<String> {
    let Some(entry) = keys.get("Tag") else { return Ok(default.to_owned()) };
    let safe = entry.value.len() <= 256 && !entry.value.contains(char::is_whitespace);
    if !safe {
        return Err((entry.line, bad(entry, "one word of at most 256 bytes, as kube.*")));
    }
    Ok(entry.value.clone())
}
