//! Bodies that arrive compressed, unpacked within bounds: a small body must not fill the memory.

use flate2::{Decompress, FlushDecompress, Status};
use thiserror::Error;

/// Largest unpacked body, bytes.
pub(super) const MAX_BYTES: usize = 64 << 20;
/// Largest growth of a body, besides the first 64 KiB.
const MAX_RATIO: usize = 200;
const STEP: usize = 64 << 10;

/// Why a body was not unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InflateError {
    /// It is no gzip, or cut.
    #[error("unpack a body: it is no whole gzip stream; look at the agent's encoding")]
    Broken,
    /// It grows beyond the bounds.
    #[error("unpack a body: more than 64 MiB or 200 times its size; let the agent send smaller batches")]
    TooLarge,
}

/// Unpacks a gzip body (one or several members) into `space`, which grows as needed and is not emptied between
/// bodies; returns the unpacked part of it.
///
/// Members are told apart here, not by the library, because its check costs a seventh of the whole.
pub fn gunzip<'a>(body: &[u8], space: &'a mut Vec<u8>) -> Result<&'a [u8], InflateError> {
    let limit = MAX_BYTES.min(body.len() * MAX_RATIO + STEP);
    let (mut rest, mut len) = (body, 0);
    loop {
        rest = behind_header(rest).ok_or(InflateError::Broken)?;
        let start = len;
        (rest, len) = member(rest, space, len, limit)?;
        let (end, behind) = rest.split_first_chunk::<8>().ok_or(InflateError::Broken)?;
        let unpacked = &space[start..len];
        let stated = [crc32fast::hash(unpacked), unpacked.len() as u32].map(u32::to_le_bytes);
        if end[..] != *stated.as_flattened() {
            return Err(InflateError::Broken);
        }
        rest = behind;
        if rest.is_empty() {
            return Ok(&space[..len]);
        }
    }
}

/// Unpacks one member's data behind the first `len` bytes of `space`; what follows it, and how many bytes are there.
fn member<'a>(
    mut rest: &'a [u8],
    space: &mut Vec<u8>,
    mut len: usize,
    limit: usize,
) -> Result<(&'a [u8], usize), InflateError> {
    let mut inflate = Decompress::new(false);
    loop {
        // One byte beyond the limit tells a body that just fits from one that does not.
        let most = limit + 1;
        if space.len() < len + STEP {
            space.resize((len + STEP).max(2 * len).min(most.max(space.len())), 0);
        }
        let end = space.len().min(most);
        let (read, wrote) = (inflate.total_in(), inflate.total_out());
        let status = inflate.decompress(rest, &mut space[len..end], FlushDecompress::None);
        let status = status.map_err(|_| InflateError::Broken)?;
        let (read, wrote) = ((inflate.total_in() - read) as usize, (inflate.total_out() - wrote) as usize);
        (rest, len) = (&rest[read..], len + wrote);
        if len > limit {
            return Err(InflateError::TooLarge);
        }
        match status {
            Status::StreamEnd => return Ok((rest, len)),
            _ if read + wrote == 0 => return Err(InflateError::Broken),
            _ => {}
        }
    }
}

/// What follows a member's header: ten bytes, then extra data, a name, a comment and a check, as its flags say.
fn behind_header(member: &[u8]) -> Option<&[u8]> {
    const CHECK: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let (fixed, mut rest) = member.split_first_chunk::<10>()?;
    let flags = fixed[3];
    if fixed[..3] != [0x1f, 0x8b, 8] || flags & 0xe0 != 0 {
        return None;
    }
    if flags & EXTRA != 0 {
        let (size, behind) = rest.split_first_chunk::<2>()?;
        rest = behind.get(usize::from(u16::from_le_bytes(*size))..)?;
    }
    for _ in [NAME, COMMENT].into_iter().filter(|flag| flags & flag != 0) {
        rest = &rest[memchr::memchr(0, rest)? + 1..];
    }
    if flags & CHECK != 0 {
        let header = &member[..member.len() - rest.len()];
        let (stated, behind) = rest.split_first_chunk::<2>()?;
        if u16::from_le_bytes(*stated) != crc32fast::hash(header) as u16 {
            return None;
        }
        rest = behind;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use flate2::{Compression, GzBuilder, bufread::MultiGzDecoder, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn bodies_come_back_also_in_several_members(bytes in prop::collection::vec(any::<u8>(), 0..3_000), cut in any::<prop::sample::Index>()) {
            let cut = cut.index(bytes.len() + 1);
            let body = [gzip(&bytes[..cut]), gzip(&bytes[cut..])].concat();
            let mut out = vec![7; 10];
            prop_assert_eq!(gunzip(&body, &mut out), Ok(bytes.as_slice()));
        }

        #[test]
        fn cut_and_foreign_bodies_are_broken(bytes in prop::collection::vec(any::<u8>(), 1..300)) {
            let body = gzip(&bytes);
            let mut out = Vec::new();
            prop_assert_eq!(gunzip(&body[..body.len() - 1], &mut out), Err(InflateError::Broken));
            prop_assert_eq!(gunzip(&[b"x", &body[..]].concat(), &mut out), Err(InflateError::Broken));
        }
    }

    proptest! {
        #[test]
        fn any_damage_is_found_or_harmless_as_the_library_says(
            bytes in prop::collection::vec(any::<u8>(), 0..300), flags in 0u8..8,
            spots in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            let mut header = GzBuilder::new();
            for (flag, field) in [(1, 0), (2, 1), (4, 2)] {
                header = match field {
                    _ if flags & flag == 0 => header,
                    0 => header.extra([7; 20]),
                    1 => header.filename("name"),
                    _ => header.comment("comment"),
                };
            }
            let mut encoder = header.write(Vec::new(), Compression::fast());
            encoder.write_all(&bytes).expect("memory");
            let mut body = encoder.finish().expect("memory");
            let len = body.len();
            for (at, byte) in &spots {
                body[at.index(len)] = *byte;
            }
            let mut theirs = Vec::new();
            let is_whole = MultiGzDecoder::new(&body[..]).read_to_end(&mut theirs).is_ok();
            let mut space = Vec::new();
            let ours = gunzip(&body, &mut space);
            prop_assert_eq!(ours.ok(), is_whole.then_some(&theirs[..]));
        }
    }

    #[test]
    fn an_empty_body_is_no_gzip() {
        assert!(MultiGzDecoder::new(&b""[..]).read_to_end(&mut Vec::new()).is_err());
        assert_eq!(gunzip(b"", &mut Vec::new()), Err(InflateError::Broken));
    }

    #[test]
    fn a_bomb_is_stopped_at_two_hundred_times_its_size() {
        let bomb = gzip(&vec![0; 8 << 20]);
        assert!(bomb.len() < (8 << 20) / 400, "it must be a bomb: {}", bomb.len());
        let mut out = Vec::new();
        assert_eq!(gunzip(&bomb, &mut out), Err(InflateError::TooLarge));
        assert!(out.capacity() <= bomb.len() * 400 + 2 * STEP);
        assert_eq!(gunzip(&gzip(&vec![0; 60_000]), &mut out).map(<[u8]>::len), Ok(60_000));
    }
}
