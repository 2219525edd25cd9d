//! The section of the kubernetes filter: from the keys to the plan.

use std::{path::PathBuf, sync::Arc};

use super::fetch::{self, Server};
use crate::{
    config::{
        error::{At, Problem},
        keys::{Keys, bad},
        shared::Around,
        value,
    },
    parse::{
        parser::{self, ParserPlan, Parsers, parser_named},
        pattern::Pattern,
    },
    wire::tls::TlsClient,
};

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
    "Kubelet_Port",
    "Kubelet_Host",
    // Known elsewhere and without effect here: metadata are always kept by container, and a name that cannot be looked
    // up is asked for again as part of the question.
    "Cache_Use_Docker_Id",
    "DNS_Retries",
    "DNS_Wait_Time",
    "tls.debug",
];
/// Keys that are known and have no meaning here, and why.
const REFUSED: &[(&str, &str)] = &[
    ("Use_Kubelet", "metadata come from the API server only; leave it off"),
    ("Kubelet_Port", "metadata come from the API server only; remove it"),
    ("Kubelet_Host", "metadata come from the API server only; remove it"),
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
    pub(super) server: Server,
    pub(super) tag_prefix: String,
    pub(super) name: Option<Pattern>,
    pub(super) cache_ttl_ms: u64,
    pub(super) hold_ms: u64,
    pub(super) hold_bytes: usize,
    pub(super) labels: bool,
    pub(super) annotations: bool,
    pub(super) merge: Option<MergePlan>,
    pub(super) suggested_parser: bool,
    pub(super) exclude: bool,
    pub(super) parsers: Arc<Parsers>,
}

/// How the text of a record becomes fields.
#[derive(Debug, Clone)]
pub(super) struct MergePlan {
    pub(super) key: Option<Vec<u8>>,
    pub(super) trim: bool,
    pub(super) keep: bool,
    pub(super) parser: Option<Arc<ParserPlan>>,
}

/// What a section means.
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
