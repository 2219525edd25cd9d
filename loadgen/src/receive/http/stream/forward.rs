//! The forward protocol, as a server that answers each chunk once its records are booked.
//!
//! ```text
//! server  ["HELO", {nonce, auth, keepalive}]                       only with a shared key
//! client  ["PING", host, salt, digest, user, password digest]
//! server  ["PONG", ok, why, host, digest]
//! client  [tag, time, record, options] | [tag, [[time, record], …], options] | [tag, bytes, options]
//! server  {"ack": chunk}
//! ```

use sha2::{Digest, Sha512};

use super::{
    Broken, Document, Unit,
    msgpack::{Value, put_text, read},
};
use crate::receive::inflate;

/// Whom the server lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardPlan {
    /// The key that both sides know; none: everybody is let in.
    pub shared_key: Option<String>,
    /// Users with their passwords; none: the key is enough.
    pub users: Vec<(String, String)>,
    /// Key of the record's text.
    pub text_key: String,
}

impl Default for ForwardPlan {
    fn default() -> Self {
        Self { shared_key: None, users: Vec::new(), text_key: "log".to_owned() }
    }
}

const NONCE: &[u8] = b"tailproof-nonce-";
const AUTH: &[u8] = b"tailproof-auth--";
const HOST: &[u8] = b"tailproof";

/// One connection.
#[derive(Debug)]
pub(in crate::receive::http) struct Talk {
    plan: ForwardPlan,
    is_let_in: bool,
    unpacked: Vec<u8>,
}

impl Talk {
    pub(super) fn new(plan: ForwardPlan) -> Self {
        Self { is_let_in: plan.shared_key.is_none(), plan, unpacked: Vec::new() }
    }

    /// Asks who the client is, if that matters.
    pub(super) fn opening(&mut self) -> Vec<u8> {
        if self.is_let_in {
            return Vec::new();
        }
        let mut out = vec![0x92];
        put_text(b"HELO", &mut out);
        out.push(0x83);
        put_text(b"nonce", &mut out);
        put_text(NONCE, &mut out);
        put_text(b"auth", &mut out);
        put_text(if self.plan.users.is_empty() { b"" } else { AUTH }, &mut out);
        put_text(b"keepalive", &mut out);
        out.push(0xc3);
        out
    }

    pub(super) fn next(&mut self, input: &[u8]) -> Result<Option<Unit>, Broken> {
        let Some((value, rest)) = read(input)? else { return Ok(None) };
        let len = input.len() - rest.len();
        let Value::Array(parts) = value else { return Err(Broken) };
        if !self.is_let_in {
            return self.ping(&parts, len).map(Some);
        }
        let (options, records) = self.records(&parts)?;
        let mut answer = Vec::new();
        if let Some(chunk) = options.and_then(|options| options.get(b"chunk")).and_then(Value::as_bytes) {
            answer.push(0x81);
            put_text(b"ack", &mut answer);
            put_text(chunk, &mut answer);
        }
        Ok(Some(Unit { len, documents: records, answer, greeting: Vec::new() }))
    }

    /// Checks who wants in. Whoever does not know the key hears so and is cut off at his next word.
    fn ping(&mut self, parts: &[Value<'_>], len: usize) -> Result<Unit, Broken> {
        let text = |at: usize| parts.get(at).and_then(Value::as_bytes).ok_or(Broken);
        if text(0)? != b"PING" {
            return Err(Broken);
        }
        let (host, salt, digest) = (text(1)?, text(2)?, text(3)?);
        let key = self.plan.shared_key.as_deref().unwrap_or_default().as_bytes();
        let knows_key = hex(&[salt, host, NONCE, key]) == digest;
        let is_user = self.plan.users.is_empty() || {
            let (user, proof) = (text(4)?, text(5)?);
            let mut users = self.plan.users.iter();
            users.any(|(name, pass)| name.as_bytes() == user && hex(&[AUTH, name.as_bytes(), pass.as_bytes()]) == proof)
        };
        self.is_let_in = knows_key && is_user;
        let mut greeting = vec![0x95];
        put_text(b"PONG", &mut greeting);
        greeting.push(if self.is_let_in { 0xc3 } else { 0xc2 });
        put_text(if self.is_let_in { b"" } else { b"shared key or user mismatch" }, &mut greeting);
        put_text(HOST, &mut greeting);
        put_text(&hex(&[salt, HOST, NONCE, key]), &mut greeting);
        Ok(Unit { len, greeting, ..Unit::default() })
    }

    /// Options and records of a message, whichever of the four forms it has.
    fn records<'v, 'a>(&mut self, parts: &'v [Value<'a>]) -> Result<(Option<&'v Value<'a>>, Vec<Document>), Broken> {
        match parts {
            [_, Value::Array(entries), options @ ..] => {
                let entry = |entry: &Value<'_>| match entry {
                    Value::Array(pair) if pair.len() == 2 => Ok(self.document(&pair[1])),
                    _ => Err(Broken),
                };
                Ok((options.first(), entries.iter().map(entry).collect::<Result<_, _>>()?))
            }
            [_, Value::Bytes(packed), options @ ..] => {
                let compressed = options.first().and_then(|options| options.get(b"compressed"));
                let is_gzip = compressed.and_then(Value::as_bytes) == Some(b"gzip");
                let mut unpacked = std::mem::take(&mut self.unpacked);
                let bytes = if is_gzip { inflate::gunzip(packed, &mut unpacked).map_err(|_| Broken)? } else { packed };
                let documents = self.packed(bytes);
                self.unpacked = unpacked;
                Ok((options.first(), documents?))
            }
            [_, _, record @ Value::Map(_), options @ ..] => Ok((options.first(), vec![self.document(record)])),
            _ => Err(Broken),
        }
    }

    fn packed(&self, mut bytes: &[u8]) -> Result<Vec<Document>, Broken> {
        let mut documents = Vec::new();
        while !bytes.is_empty() {
            let Some((Value::Array(pair), rest)) = read(bytes)? else { return Err(Broken) };
            let [_, record] = &pair[..] else { return Err(Broken) };
            documents.push(self.document(record));
            bytes = rest;
        }
        Ok(documents)
    }

    fn document(&self, record: &Value<'_>) -> Document {
        match record.get(self.plan.text_key.as_bytes()).and_then(Value::as_bytes) {
            Some(text) => Document::Text(text.to_vec()),
            None => Document::Json(record.json().to_string().into_bytes()),
        }
    }
}

/// Lower-case hex of SHA-512 over all parts.
fn hex(parts: &[&[u8]]) -> Vec<u8> {
    let mut hasher = Sha512::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}
