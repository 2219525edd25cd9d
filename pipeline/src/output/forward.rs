//! `forward`: to another agent, by the forward protocol.
//!
//! ```text
//! batch ─▶ [tag, entries, {"chunk": id, "size": n}] ─▶ server      one message a batch, several under way
//!      ◀── {"ack": id}                                             a batch is taken when its id comes back
//! ```
//! Acks are demanded unless `Require_ack_response off`. The id of a chunk is that of its batch: a batch of a filesystem
//! buffer keeps it, and its content, when the process is killed, so a receiver that remembers ids stores it once.
//! Of several servers (`Upstream`) the next is taken by weight; one that failed is left alone for a while, and its
//! chunks go to another. Only when all of them fail, this counts as a failure.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    Context,
    flight::{self, Courier},
    net::Net,
    plan::{OutputPlan, net_keys},
    retry::Retry,
};
use crate::{
    config::{
        error::{At, Problem},
        keys::{Keys, bad},
        shared::Around,
    },
    parse::Batch,
};

mod chunk;
mod peer;

use chunk::Packer;
use peer::Peer;

pub(crate) const KEYS: &[&str] = net_keys!(
    "Upstream",
    "Unix_Path",
    "Tag",
    "Time_as_Integer",
    "Send_options",
    "Require_ack_response",
    "Ack_Timeout",
    "Compress",
    "Shared_Key",
    "Empty_Shared_Key",
    "Username",
    "Password",
    "Self_Hostname",
    "Hold_Off",
);
const NODE_KEYS: &[&str] = net_keys!(
    "Name",
    "Weight",
    "Ack_Timeout",
    "Shared_Key",
    "Empty_Shared_Key",
    "Username",
    "Password",
    "Self_Hostname",
);
const COMPRESS: &[&str] = &["gzip", "text"];
/// Text of the chunks that are under way at once, bytes.
const WINDOW: usize = 1 << 20;

/// Another agent.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the configuration")]
pub struct ForwardPlan {
    /// The servers; at least one.
    pub nodes: Vec<Node>,
    /// How long a server that failed is left alone, ms.
    pub hold_off_ms: u64,
    /// Whether a chunk is taken only when its ack comes.
    pub ack: bool,
    /// Whether options are sent even if nothing needs them.
    pub options: bool,
    /// Whole seconds instead of event times.
    pub whole_seconds: bool,
    /// Compression of the entries.
    pub gzip: bool,
    /// The tag instead of the records' own.
    pub tag: Option<String>,
}

/// A server.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its name in messages.
    pub name: String,
    /// Where it is.
    pub net: Net,
    /// Its Unix socket instead.
    pub unix: Option<std::path::PathBuf>,
    /// How much of the load it takes, relative to the others.
    pub weight: u32,
    /// What is said before the first chunk, if the server asks.
    pub login: Option<Login>,
}

/// Who this side is.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// What both sides know; may be empty.
    pub shared_key: String,
    /// User and password.
    pub user: Option<(String, String)>,
    /// Name of this side.
    pub hostname: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Secrets do not belong into logs.
        f.debug_struct("Login").field("hostname", &self.hostname).finish_non_exhaustive()
    }
}

pub(crate) fn plan(keys: &Keys<'_>, around: &Around<'_>) -> At<ForwardPlan> {
    let mut nodes = Vec::new();
    match around.upstream(keys, "Upstream")? {
        Some(group) => {
            // What stands in the output counts for each server that says nothing of its own.
            let own = login(keys)?;
            for section in group.nodes {
                let mut node = node(&Keys::with(section, NODE_KEYS, &[], &[])?, None)?;
                node.login = node.login.or_else(|| own.clone());
                nodes.push(node);
            }
        }
        None => nodes.push(node(keys, Some("Unix_Path"))?),
    }
    Ok(ForwardPlan {
        nodes,
        hold_off_ms: keys.millis("Hold_Off", 10_000, 1, 3_600_000)?,
        ack: keys.boolean("Require_ack_response", true)?,
        options: keys.boolean("Send_options", false)?,
        whole_seconds: keys.boolean("Time_as_Integer", false)?,
        gzip: keys.word("Compress", COMPRESS)? == Some(0),
        tag: keys.text("Tag"),
    })
}

fn node(keys: &Keys<'_>, unix: Option<&'static str>) -> At<Node> {
    let mut net = Net::plan(keys, 24224, "net.io_timeout")?;
    net.answer_timeout_ms = keys.millis("Ack_Timeout", net.answer_timeout_ms, 10, 3_600_000)?;
    let weight = if unix.is_some() { 1 } else { keys.number("Weight", 60, 0, 1_000)? as u32 };
    let unix = match unix.and_then(|key| keys.get(key)) {
        Some(entry) if !entry.value.starts_with('/') => {
            return Err((entry.line, bad(entry, "an absolute path, as /run/forward.sock")));
        }
        entry => entry.map(|entry| entry.value.clone().into()),
    };
    let login = login(keys)?;
    let name = if unix.is_none() && weight != 1 { keys.text("Name") } else { None };
    Ok(Node { name: name.unwrap_or_else(|| net.address()), net, unix, weight, login })
}

fn login(keys: &Keys<'_>) -> At<Option<Login>> {
    let user = match (keys.get("Username"), keys.get("Password")) {
        (Some(user), Some(password)) => Some((user.value.clone(), password.value.clone())),
        (None, None) => None,
        (one, other) => {
            let line = one.or(other).map_or_else(|| keys.place(), |entry| entry.line);
            return Err((line, Problem::Contradiction("`Username` and `Password` go together; give both")));
        }
    };
    let empty = keys.boolean("Empty_Shared_Key", false)?;
    let shared_key = keys.text("Shared_Key").or_else(|| empty.then(String::new));
    if let (Some(user), None) = (keys.get("Username"), &shared_key) {
        return Err((user.line, Problem::Contradiction("`Username` needs a `Shared_Key`, or `Empty_Shared_Key on`")));
    }
    let hostname = keys.text("Self_Hostname").unwrap_or_else(|| "localhost".to_owned());
    Ok(shared_key.map(|shared_key| Login { shared_key, user, hostname }))
}

pub(super) async fn run(output: &OutputPlan, plan: &ForwardPlan, context: &Context) {
    let worker = |worker: usize| ForwardOutput {
        peers: plan.nodes.iter().map(|node| Balanced { peer: Peer::new(node), credit: 0, held: None }).collect(),
        packer: Packer::new(plan),
        retry: Retry::new(output, context, worker as u64),
        plan: plan.clone(),
    };
    flight::run(context, WINDOW, (0..output.workers).map(worker).collect()).await;
}

pub(super) fn renderer(plan: &ForwardPlan) -> super::Render {
    let mut packer = Packer::new(plan);
    Box::new(move |batch| packer.chunk(batch).bytes.len())
}

struct ForwardOutput {
    plan: ForwardPlan,
    peers: Vec<Balanced>,
    packer: Packer,
    retry: Retry,
}

/// A server, and when it is its turn.
struct Balanced {
    peer: Peer,
    /// Grows by the weight each turn; who is chosen pays the sum of all.
    credit: i64,
    /// It failed: until when it is left alone.
    held: Option<Instant>,
}

impl Courier for ForwardOutput {
    async fn deliver(&mut self, batches: &[Arc<Batch>]) {
        let mut waiting: Vec<&Arc<Batch>> = batches.iter().filter(|batch| !batch.is_empty()).collect();
        while !waiting.is_empty() {
            let index = self.turn();
            let (node, peer) = (&self.plan.nodes[index], &mut self.peers[index]);
            let chunks: Vec<_> = waiting.iter().map(|batch| self.packer.chunk(batch)).collect();
            let limit = Duration::from_millis(node.net.answer_timeout_ms);
            let (acked, result) = peer.peer.send(&chunks, self.plan.ack, limit).await;
            let mut index = 0;
            waiting.retain(|batch| {
                index += 1;
                if acked[index - 1] {
                    self.retry.confirmed(batch.len(), chunks[index - 1].bytes.len());
                }
                !acked[index - 1]
            });
            let Err(error) = result else { continue };
            peer.held = Some(Instant::now() + Duration::from_millis(self.plan.hold_off_ms));
            if self.peers.iter().any(|peer| peer.held.is_none_or(|until| until <= Instant::now())) {
                tracing::warn!(output = self.retry.name, node = node.name, %error, "left alone, another takes its place");
                continue;
            }
            if !self.retry.again(&error, None).await {
                for batch in &waiting {
                    self.retry.dropped(batch, 0..batch.len(), &error);
                }
                return;
            }
        }
    }
}

impl ForwardOutput {
    /// The server whose turn it is: of those that are not left alone, if there is one; else the one that failed first.
    fn turn(&mut self) -> usize {
        let now = Instant::now();
        let fit = |peer: &Balanced| peer.held.is_none_or(|until| until <= now);
        let weights: Vec<i64> = self.plan.nodes.iter().map(|node| i64::from(node.weight)).collect();
        let mut sum = 0;
        for (peer, weight) in self.peers.iter_mut().zip(&weights).filter(|(peer, _)| fit(peer)) {
            peer.credit += weight;
            sum += weight;
        }
        let most = |index: &usize| (self.peers[*index].credit, weights[*index]);
        let fits = (0..self.peers.len()).filter(|&index| fit(&self.peers[index]));
        match fits.max_by_key(|index| (most(index), std::cmp::Reverse(*index))) {
            Some(index) => {
                self.peers[index].credit -= sum;
                self.peers[index].held = None;
                index
            }
            None => (0..self.peers.len()).min_by_key(|&index| self.peers[index].held).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests;
