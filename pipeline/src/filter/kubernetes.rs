//! `kubernetes`: which pod a record is from, and what the API server knows of it.
//!
//! ```text
//! tag ─▶ pod ─▶ known?  ── yes ─▶ merge the log, add `kubernetes`, go on
//!                 │ no           ▲
//!                 ├─▶ the records wait ─┐        at most Hold_Time and Hold_Max_Size: then they go on
//!                 └─▶ fetch thread ─────┘        with what the file name tells, counted and logged
//! ```
//! Inputs never wait for the API server: only the records of a pod that is not known yet do. What is known is kept by
//! container id (or pod uid), not by name, so that a pod that takes over a name gets its own labels. A failed or
//! unfinished question is asked again; what is too old is asked again while the old answer still counts.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
};

use super::{Flow, chain::Wake};
use crate::{
    config::{
        error::{At, Problem},
        keys::{Keys, bad},
        shared::Around,
        value,
    },
    parse::{
        Batch,
        parser::{self, ParserPlan, Parsers, parser_named},
        pattern::Pattern,
    },
    wire::tls::TlsClient,
};

mod book;
mod fetch;
mod merge;
mod meta;
mod pod;

use book::{Book, Found};
use fetch::Fetcher;
pub(crate) use fetch::Server;
use merge::Merger;
use pod::Names;

pub(crate) const KEYS: &[&str] = &[
    "Kube_URL",
    "Kube_CA_File",
    "Kube_CA_Path",
    "Kube_Token_File",
    "Kube_Token_TTL",
    "Kube_Tag_Prefix",
    "Kube_Meta_Cache_TTL",
    "Kube_meta_preload_cache_dir",
    "Regex_Parser",
    "Buffer_Size",
    "tls.verify",
    "tls.verify_hostname",
    "tls.vhost",
    "Merge_Log",
    "Merge_Log_Key",
    "Merge_Log_Trim",
    "Merge_Parser",
    "Keep_Log",
    "K8S-Logging.Parser",
    "K8S-Logging.Exclude",
    "Labels",
    "Annotations",
    "Hold_Time",
    "Hold_Max_Size",
    "Use_Kubelet",
    "Use_Journal",
    "Dummy_Meta",
    "Kube_Token_Command",
    "Namespace_Labels",
    "Namespace_Annotations",
    "Owner_References",
];
/// Keys that are known and have no meaning here, and why.
const REFUSED: &[(&str, &str)] = &[
    ("Use_Kubelet", "metadata come from the API server only; leave it off"),
    ("Use_Journal", "records of the journal have no file names; leave it off"),
    ("Dummy_Meta", "made-up metadata would look like real ones; use Kube_meta_preload_cache_dir"),
    ("Kube_Token_Command", "no program is run for a token; use Kube_Token_File"),
    ("Namespace_Labels", "only pods are asked for; leave it off"),
    ("Namespace_Annotations", "only pods are asked for; leave it off"),
    ("Owner_References", "only labels and annotations are taken; leave it off"),
];
const SECRETS: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Where metadata come from and what is done with them.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the configuration")]
pub struct KubernetesPlan {
    server: Server,
    tag_prefix: String,
    name: Option<Pattern>,
    cache_ttl_ms: u64,
    hold_ms: u64,
    hold_bytes: usize,
    labels: bool,
    annotations: bool,
    merge: Option<MergePlan>,
    suggested_parser: bool,
    exclude: bool,
    parsers: Arc<Parsers>,
}

/// How the text of a record becomes fields.
#[derive(Debug, Clone)]
struct MergePlan {
    key: Option<Vec<u8>>,
    trim: bool,
    keep: bool,
    parser: Option<Arc<ParserPlan>>,
}

pub(crate) fn plan(keys: &Keys<'_>, around: &Around<'_>) -> At<KubernetesPlan> {
    for &(key, why) in REFUSED {
        if let Some(entry) = keys.get(key)
            && value::boolean(&entry.value) != Some(false)
        {
            return Err((entry.line, Problem::Refused { what: key.to_owned(), why }));
        }
    }
    let merge = merge(keys, &around.parsers)?;
    Ok(KubernetesPlan {
        server: server(keys, around)?,
        tag_prefix: keys.text("Kube_Tag_Prefix").unwrap_or_else(|| "kube.var.log.containers.".to_owned()),
        name: name(keys, &around.parsers)?,
        cache_ttl_ms: keys.millis("Kube_Meta_Cache_TTL", 0, 0, 86_400_000)?,
        hold_ms: keys.millis("Hold_Time", 5_000, 0, 600_000)?,
        hold_bytes: keys.bytes("Hold_Max_Size", 8_000_000, 0, 1_000_000_000)? as usize,
        labels: keys.boolean("Labels", true)?,
        annotations: keys.boolean("Annotations", true)?,
        merge,
        suggested_parser: keys.boolean("K8S-Logging.Parser", false)?,
        exclude: keys.boolean("K8S-Logging.Exclude", false)?,
        parsers: Arc::clone(&around.parsers),
    })
}

fn merge(keys: &Keys<'_>, parsers: &Parsers) -> At<Option<MergePlan>> {
    let parser = keys.get("Merge_Parser").map(|entry| parser_named(parsers, entry, &entry.value)).transpose()?;
    let plan = MergePlan {
        key: keys.text("Merge_Log_Key").map(String::into_bytes),
        trim: keys.boolean("Merge_Log_Trim", true)?,
        keep: keys.boolean("Keep_Log", true)?,
        parser,
    };
    Ok(keys.boolean("Merge_Log", false)?.then_some(plan))
}

/// The expression of `Regex_Parser`.
fn name(keys: &Keys<'_>, parsers: &Parsers) -> At<Option<Pattern>> {
    let Some(entry) = keys.get("Regex_Parser") else { return Ok(None) };
    match &parser_named(parsers, entry, &entry.value)?.format {
        parser::Format::Regex(pattern) => Ok(Some(pattern.clone())),
        _ => Err((entry.line, bad(entry, "a parser with `Format regex` and groups pod_name and namespace_name"))),
    }
}

fn server(keys: &Keys<'_>, around: &Around<'_>) -> At<Server> {
    const URL: &str = "an address, as https://kubernetes.default.svc:443";
    let (tls, host, port) =
        keys.read("Kube_URL", (true, "kubernetes.default.svc".to_owned(), 443), URL, fetch::address)?;
    let path = |key, default: String| {
        keys.get(key).map_or(PathBuf::from(default), |entry| around.folder(entry.line).join(&entry.value))
    };
    let authorities = match keys.get("Kube_CA_Path") {
        Some(entry) => around.folder(entry.line).join(&entry.value),
        None => path("Kube_CA_File", format!("{SECRETS}/ca.crt")),
    };
    let client = TlsClient {
        verify: keys.boolean("tls.verify", true)?,
        verify_hostname: keys.boolean("tls.verify_hostname", true)?,
        authorities: Some(authorities),
        identity: None,
        name: keys.text("tls.vhost"),
    };
    Ok(Server {
        host,
        port,
        tls: tls.then_some(client),
        token: path("Kube_Token_File", format!("{SECRETS}/token")),
        token_ttl_ms: keys.millis("Kube_Token_TTL", 600_000, 1_000, 86_400_000)?,
        answer_max: match keys.bytes("Buffer_Size", 1_000_000, 0, 64_000_000)? {
            0 => 64_000_000,
            size => size as usize,
        },
        preload: keys.get("Kube_meta_preload_cache_dir").map(|entry| around.folder(entry.line).join(&entry.value)),
    })
}

/// The filter at work.
#[derive(Debug)]
pub(super) struct Kubernetes {
    plan: KubernetesPlan,
    names: Names,
    book: Book,
    merger: Merger,
    fetcher: Fetcher,
    held: BTreeMap<pod::Key, Held>,
    held_bytes: usize,
}

/// Records of a pod that is not known yet.
#[derive(Debug)]
struct Held {
    batches: Vec<Batch>,
    bytes: usize,
    until_ms: u64,
}

impl Kubernetes {
    pub(super) fn new(plan: &KubernetesPlan, wake: Wake) -> Result<Self, String> {
        Ok(Self {
            names: Names::new(&plan.tag_prefix, plan.name.clone()),
            book: Book::new(plan.cache_ttl_ms),
            merger: Merger::new(plan),
            fetcher: Fetcher::start(plan.server.clone(), wake)?,
            held: BTreeMap::new(),
            held_bytes: 0,
            plan: plan.clone(),
        })
    }

    pub(super) fn apply(&mut self, batch: Batch, flow: &mut Flow<'_>) {
        self.hear(flow);
        let Some(pod) = self.names.of(&batch.tag) else {
            if flow.fail(batch.len() as u64) {
                tracing::warn!(filter = flow.name, tag = ?batch.tag, "the tag names no pod; its records pass without metadata");
            }
            flow.on(batch);
            return;
        };
        // Behind those that wait, whatever is known by now.
        if self.held.contains_key(&pod.key) {
            self.hold(batch, &pod, flow);
            return;
        }
        match self.book.find(&pod.key, flow.mono_ms) {
            Found::Known { meta, stale } => {
                if stale {
                    self.fetcher.ask(&pod);
                }
                self.merger.apply(batch, &pod, Some(&meta), flow);
            }
            Found::Missing => self.without(batch, &pod, flow),
            Found::New => {
                self.book.asked(&pod.key, flow.mono_ms);
                self.fetcher.ask(&pod);
                self.hold(batch, &pod, flow);
            }
        }
        self.note(flow);
    }

    fn hold(&mut self, batch: Batch, pod: &Arc<pod::Pod>, flow: &mut Flow<'_>) {
        let bytes = batch.weight();
        let until_ms = flow.mono_ms + self.plan.hold_ms;
        let held = self.held.entry(pod.key.clone());
        let held = held.or_insert_with(|| Held { batches: Vec::new(), bytes: 0, until_ms });
        held.batches.push(batch);
        held.bytes += bytes;
        self.held_bytes += bytes;
        if self.held_bytes > self.plan.hold_bytes || self.plan.hold_ms == 0 {
            self.give_up(&pod.key, flow);
        }
        self.note(flow);
    }

    /// The records of a pod go on without an answer.
    fn give_up(&mut self, key: &pod::Key, flow: &mut Flow<'_>) {
        self.book.late(key, flow.mono_ms);
        tracing::warn!(filter = flow.name, namespace = ?key.namespace, pod = ?key.name, "no metadata in time; its records pass without");
        self.release(key, flow);
    }

    fn release(&mut self, key: &pod::Key, flow: &mut Flow<'_>) {
        let Some(held) = self.held.remove(key) else { return };
        self.held_bytes -= held.bytes;
        for batch in held.batches {
            let Some(pod) = self.names.of(&batch.tag) else { continue };
            match self.book.find(key, flow.mono_ms) {
                Found::Known { meta, .. } => self.merger.apply(batch, &pod, Some(&meta), flow),
                Found::Missing | Found::New => self.without(batch, &pod, flow),
            }
        }
    }

    fn without(&mut self, batch: Batch, pod: &Arc<pod::Pod>, flow: &mut Flow<'_>) {
        flow.fail(batch.len() as u64);
        self.merger.apply(batch, pod, None, flow);
    }

    /// Takes the answers that came.
    fn hear(&mut self, flow: &mut Flow<'_>) {
        for (key, answer) in self.fetcher.answers() {
            if let Err(reason) = &answer {
                tracing::warn!(filter = flow.name, namespace = ?key.namespace, pod = ?key.name, reason, "no metadata");
            }
            self.book.answered(&key, answer, flow.mono_ms);
            self.release(&key, flow);
        }
    }

    pub(super) fn expire(&mut self, flow: &mut Flow<'_>) {
        self.hear(flow);
        let due = |(_, held): &(&pod::Key, &Held)| held.until_ms <= flow.mono_ms;
        let due: Vec<pod::Key> = self.held.iter().filter(due).map(|(key, _)| key.clone()).collect();
        due.iter().for_each(|key| self.give_up(key, flow));
        self.note(flow);
    }

    pub(super) fn expires_at_ms(&self) -> Option<u64> {
        self.held.values().map(|held| held.until_ms).min()
    }

    fn note(&self, flow: &Flow<'_>) {
        let held = self.held.values().flat_map(|held| &held.batches).map(Batch::len).sum::<usize>();
        flow.counters.held.store(held as u64, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
