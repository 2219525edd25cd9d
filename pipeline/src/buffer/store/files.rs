//! What a store finds in its folder at the start.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use super::{KEPT, KEPT_SEGMENTS, Known, Segment, record};
use crate::chunk::{mix, mix_text};

/// The first of the newest segments, which are kept whatever became of their records.
pub(super) fn kept(segments: &BTreeMap<u64, Segment>) -> u64 {
    let (mut first, mut bytes) = (u64::MAX, 0);
    for (&at, segment) in segments.iter().rev().take(KEPT_SEGMENTS) {
        if bytes >= KEPT {
            break;
        }
        (first, bytes) = (at, bytes + segment.len);
    }
    first
}

/// The ids of the records in the newest segments, and the number behind the last batch.
pub(super) fn newest(folder: &Path, segments: &BTreeMap<u64, Segment>) -> io::Result<(Known, u64)> {
    let (mut known, mut next) = (Known::default(), 1);
    for (&first, _) in segments.range(kept(segments)..).rev() {
        next = next.max(first + 1);
        let bytes = fs::read(folder.join(format!("{first:016x}.seg")))?;
        let mut at = 0;
        while let Some(read) = record::read(&bytes, at, true) {
            at = read.end;
            next = next.max(read.seq + 1);
            known.add(&read.batch);
        }
    }
    Ok((known, next))
}

/// What batches of the folder are named after; made at the first start.
pub(super) fn name(folder: &Path, salt: u64) -> io::Result<u128> {
    let path = folder.join("name");
    if let Some(name) = fs::read_to_string(&path).ok().and_then(|text| u128::from_str_radix(text.trim(), 16).ok()) {
        return Ok(name);
    }
    let name = mix_text(mix(2, salt), folder.as_os_str().as_encoded_bytes());
    let fresh = folder.join("name.new");
    let mut file = File::create(&fresh)?;
    file.write_all(format!("{name:032x}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(fresh, path)?;
    Ok(name)
}
