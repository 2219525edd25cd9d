//! The gzip copy: streamed in pieces of 64 KiB, so that its size in memory is bounded and the incomplete file is there to see.

use std::{
    fs::File,
    io::{Read, Write},
};

use flate2::{Compression, write::GzEncoder};

const PIECE: usize = 64 * 1024;

/// Copies `from` into `to` compressed; returns the bytes read.
pub(super) fn copy(from: &mut File, to: &mut File, level: u32) -> std::io::Result<u64> {
    let mut encoder = GzEncoder::new(to, Compression::new(level));
    let mut piece = vec![0; PIECE];
    let mut total = 0;
    loop {
        match from.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => {
                encoder.write_all(&piece[..n])?;
                total += n as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    encoder.finish()?;
    Ok(total)
}
