//! Bodies that arrive compressed, unpacked within bounds: a small body must not fill the memory.

use std::io::{ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;
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
pub fn gunzip<'a>(body: &[u8], space: &'a mut Vec<u8>) -> Result<&'a [u8], InflateError> {
    let limit = MAX_BYTES.min(body.len() * MAX_RATIO + STEP);
    let mut gzip = MultiGzDecoder::new(body);
    let mut len = 0;
    loop {
        if len == limit {
            return match gzip.read(&mut [0]) {
                Ok(0) => Ok(&space[..len]),
                Ok(_) => Err(InflateError::TooLarge),
                Err(_) => Err(InflateError::Broken),
            };
        }
        if space.len() < len + STEP {
            space.resize((len + STEP).max(2 * len).min(limit.max(space.len())), 0);
        }
        let end = space.len().min(limit);
        match gzip.read(&mut space[len..end]) {
            Ok(0) => return Ok(&space[..len]),
            Ok(count) => len += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Err(InflateError::Broken),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
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
