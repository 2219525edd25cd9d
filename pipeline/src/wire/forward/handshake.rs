//! Who may send: the greeting of the forward protocol.
//!
//! ```text
//! server  HELO  ["HELO", {"nonce": …, "auth": salt of the users or empty, "keepalive": true}]
//! client  PING  ["PING", hostname, salt, sha512(salt hostname nonce key), user, sha512(auth user password)]
//! server  PONG  ["PONG", accepted, reason, hostname, sha512(salt hostname nonce key)]
//! ```
//! Digests are written in hexadecimal. Whatever is configured, a key or users, is demanded: users without a key compare
//! against the empty key, a name without a user fails like a wrong password. Comparisons take the same time for every
//! digest, and a refusal does not say which half was wrong.

use ring::digest::{Context, SHA512};
use subtle::ConstantTimeEq;

use crate::{
    event::{Fields, Value},
    wire::msgpack::{self, MsgpackError, Reader},
};

/// Longest greeting of either side, bytes.
pub const GREETING_MAX: usize = 8 << 10;
/// Bytes of a nonce or a salt.
const SALT: usize = 16;

/// What a server demands.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Security {
    /// What both sides know.
    pub shared_key: Vec<u8>,
    /// Names and passwords; with none, names are not asked for.
    pub users: Vec<(Vec<u8>, Vec<u8>)>,
    /// The name of this side.
    pub hostname: String,
}

impl std::fmt::Debug for Security {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Secrets do not belong into logs.
        f.debug_struct("Security")
            .field("users", &self.users.len())
            .field("hostname", &self.hostname)
            .finish_non_exhaustive()
    }
}

/// The server's first word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// What digests of this connection are made with.
    pub nonce: Vec<u8>,
    /// What digests of passwords are made with; empty if no user is asked for.
    pub auth: Vec<u8>,
}

/// The client's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    /// The name of the client.
    pub hostname: Vec<u8>,
    /// What its digest and the server's are made with.
    pub salt: Vec<u8>,
    /// Digest of the key.
    pub digest: Vec<u8>,
    /// The user; empty without.
    pub user: Vec<u8>,
    /// Digest of the password; empty without.
    pub password: Vec<u8>,
}

/// The server's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pong {
    /// Whether the client may send.
    pub accepted: bool,
    /// Why not.
    pub reason: String,
    /// The name of the server.
    pub hostname: Vec<u8>,
    /// Digest of the key: the server knows it as well.
    pub digest: Vec<u8>,
}

/// Bytes that nobody can guess.
pub fn random() -> Vec<u8> {
    use ring::rand::{SecureRandom, SystemRandom};
    let mut bytes = vec![0; SALT];
    SystemRandom::new().fill(&mut bytes).expect("the kernel has random bytes");
    bytes
}

fn digest(parts: &[&[u8]]) -> Vec<u8> {
    let mut context = Context::new(&SHA512);
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

fn same(given: &[u8], expected: &[u8]) -> bool {
    bool::from(given.to_ascii_lowercase().ct_eq(expected))
}

impl Security {
    /// The first word to a client; `nonce` and `auth` from [`random`].
    pub fn hello(&self, nonce: Vec<u8>, auth: Vec<u8>) -> Hello {
        Hello { nonce, auth: if self.users.is_empty() { Vec::new() } else { auth } }
    }

    /// What to answer a client.
    pub fn answer(&self, hello: &Hello, ping: &Ping) -> Pong {
        let hostname = self.hostname.as_bytes().to_vec();
        let expected = digest(&[&ping.salt, &ping.hostname, &hello.nonce, &self.shared_key]);
        let known = self.users.iter().fold(self.users.is_empty(), |known, (name, password)| {
            let right = same(&ping.password, &digest(&[&hello.auth, name, password]));
            known | (right & bool::from(ping.user.ct_eq(name)))
        });
        // Own name: a client that mirrors the server's words is the server talking to itself.
        let accepted = same(&ping.digest, &expected) && known && ping.hostname != hostname;
        if !accepted {
            let reason = "the shared key, user or password is wrong, or both sides have one hostname".to_owned();
            return Pong { accepted, reason, hostname, digest: Vec::new() };
        }
        let digest = digest(&[&ping.salt, &hostname, &hello.nonce, &self.shared_key]);
        Pong { accepted, reason: String::new(), hostname, digest }
    }
}

impl Ping {
    /// The answer of a client with this name, key, and user with password.
    pub fn new(hello: &Hello, hostname: &[u8], salt: Vec<u8>, key: &[u8], user: Option<(&[u8], &[u8])>) -> Self {
        let (user, password) = match user {
            Some((user, password)) if !hello.auth.is_empty() => (user.to_vec(), digest(&[&hello.auth, user, password])),
            _ => (Vec::new(), Vec::new()),
        };
        let digest = digest(&[&salt, hostname, &hello.nonce, key]);
        Self { hostname: hostname.to_vec(), salt, digest, user, password }
    }

    /// Whether the server has shown that it knows the key as well.
    pub fn proves(&self, hello: &Hello, pong: &Pong, key: &[u8]) -> bool {
        let expected = digest(&[&self.salt, &pong.hostname, &hello.nonce, key]);
        pong.accepted && pong.hostname != self.hostname && same(&pong.digest, &expected)
    }
}

fn word(reader: &mut Reader<'_>, word: &'static str, parts: usize) -> Result<(), MsgpackError> {
    let at = reader.at();
    let wrong = MsgpackError::Unexpected { at, expected: word };
    if reader.array(word)? != parts || reader.text(word)? != word.as_bytes() {
        return Err(wrong);
    }
    Ok(())
}

impl Hello {
    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        msgpack::encode_array(2, out);
        msgpack::encode_text(b"HELO", out);
        let mut fields = Fields::default();
        fields.push("nonce", Value::Binary(self.nonce.clone()));
        fields.push("auth", Value::Binary(self.auth.clone()));
        fields.push("keepalive", Value::Bool(true));
        msgpack::encode_fields(&fields, out);
    }

    /// Reads it.
    pub fn decode(bytes: &[u8]) -> Result<Self, MsgpackError> {
        let mut reader = Reader::new(bytes);
        word(&mut reader, "HELO", 2)?;
        let fields = reader.fields("the options of HELO")?;
        let bytes = |key: &str| fields.get(key).and_then(Value::as_bytes).map(<[u8]>::to_vec).unwrap_or_default();
        Ok(Self { nonce: bytes("nonce"), auth: bytes("auth") })
    }
}

impl Ping {
    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        msgpack::encode_array(6, out);
        msgpack::encode_text(b"PING", out);
        msgpack::encode_text(&self.hostname, out);
        msgpack::encode_binary(&self.salt, out);
        for text in [&self.digest, &self.user, &self.password] {
            msgpack::encode_text(text, out);
        }
    }

    /// Reads it.
    pub fn decode(bytes: &[u8]) -> Result<Self, MsgpackError> {
        let mut reader = Reader::new(bytes);
        word(&mut reader, "PING", 6)?;
        let mut next = |expected| reader.text(expected).map(<[u8]>::to_vec);
        Ok(Self {
            hostname: next("a hostname")?,
            salt: next("a salt")?,
            digest: next("a digest of the key")?,
            user: next("a user")?,
            password: next("a digest of the password")?,
        })
    }
}

impl Pong {
    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        msgpack::encode_array(5, out);
        msgpack::encode_text(b"PONG", out);
        msgpack::encode(&Value::Bool(self.accepted), out);
        msgpack::encode_text(self.reason.as_bytes(), out);
        msgpack::encode_text(&self.hostname, out);
        msgpack::encode_text(&self.digest, out);
    }

    /// Reads it.
    pub fn decode(bytes: &[u8]) -> Result<Self, MsgpackError> {
        let mut reader = Reader::new(bytes);
        word(&mut reader, "PONG", 5)?;
        let at = reader.at();
        let Value::Bool(accepted) = reader.value()? else {
            return Err(MsgpackError::Unexpected { at, expected: "true or false" });
        };
        let reason = String::from_utf8_lossy(reader.text("a reason")?).into_owned();
        let hostname = reader.text("a hostname")?.to_vec();
        let digest = if reader.is_text() { reader.text("a digest")?.to_vec() } else { Vec::new() };
        Ok(Self { accepted, reason, hostname, digest })
    }
}

#[cfg(test)]
mod tests;
