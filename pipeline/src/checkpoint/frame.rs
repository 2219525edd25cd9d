//! The bytes of the checkpoint file.
//!
//! ```text
//! file   = "TPCHKPT" version:u8  frame*
//! frame  = length:u32le  crc32:u32le  payload            (crc over the payload)
//! payload= id:u64 state:u8 dev:u64 ino:u64 has:u8 generation:u32 birth:i64 head_len:u32 head_hash:u64 offset:u64 path
//! ```
//! A frame that is cut or whose check differs is passed over: a crash leaves one at the end.

use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
};

use super::entry::{CheckpointEntry, EntryState, Fingerprint};
use crate::os::Identity;

/// What a checkpoint file begins with, before the version byte.
pub(super) const MAGIC: &[u8; 7] = b"TPCHKPT";
/// Version of the format.
pub(super) const VERSION: u8 = 1;
/// Length of magic and version, bytes.
pub(super) const HEADER: usize = 8;
/// Longest payload that is believed: a path is at most 4096 bytes.
const PAYLOAD_MAX: usize = 8192;

/// Appends one entry as a frame.
pub(super) fn encode(entry: &CheckpointEntry, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&entry.id.to_le_bytes());
    out.push(match entry.state {
        EntryState::Open => 0,
        EntryState::Done => 1,
        EntryState::Forgotten => 2,
    });
    let identity = &entry.identity;
    out.extend_from_slice(&identity.dev.to_le_bytes());
    out.extend_from_slice(&identity.ino.to_le_bytes());
    out.push(u8::from(identity.generation.is_some()) | u8::from(identity.birth_ns.is_some()) << 1);
    out.extend_from_slice(&identity.generation.unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&identity.birth_ns.unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&entry.head.len.to_le_bytes());
    out.extend_from_slice(&entry.head.hash.to_le_bytes());
    out.extend_from_slice(&entry.offset.to_le_bytes());
    out.extend_from_slice(entry.path.as_os_str().as_bytes());
    let payload = start + 8..out.len();
    let (len, crc) = (payload.len() as u32, crc32fast::hash(&out[payload]));
    out[start..start + 4].copy_from_slice(&len.to_le_bytes());
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

/// The first frame of `bytes` and its length; `None` if it is cut, damaged or makes no sense.
pub(super) fn decode(bytes: &[u8]) -> Option<(CheckpointEntry, usize)> {
    let mut head = Cursor(bytes);
    let len = head.u32()? as usize;
    let crc = head.u32()?;
    let payload = head.0.get(..len).filter(|_| len <= PAYLOAD_MAX)?;
    if crc32fast::hash(payload) != crc {
        return None;
    }
    Some((decode_payload(payload)?, 8 + len))
}

fn decode_payload(payload: &[u8]) -> Option<CheckpointEntry> {
    let mut at = Cursor(payload);
    let id = at.u64()?;
    let state = match at.u8()? {
        0 => EntryState::Open,
        1 => EntryState::Done,
        2 => EntryState::Forgotten,
        _ => return None,
    };
    let (dev, ino, has) = (at.u64()?, at.u64()?, at.u8()?);
    let (generation, birth) = (at.u32()?, at.u64()? as i64);
    let identity = Identity {
        dev,
        ino,
        generation: (has & 1 != 0).then_some(generation),
        birth_ns: (has & 2 != 0).then_some(birth),
    };
    let head = Fingerprint { len: at.u32()?, hash: at.u64()? };
    if head.len as usize > Fingerprint::MAX {
        return None;
    }
    let offset = at.u64()?;
    Some(CheckpointEntry { id, path: PathBuf::from(OsString::from_vec(at.0.to_vec())), identity, head, offset, state })
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }
    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|b| b[0])
    }
    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }
    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}
