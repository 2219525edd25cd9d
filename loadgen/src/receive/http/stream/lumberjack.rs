//! Lumberjack version 2, the protocol of Beats, as a server that answers a window once its events are booked.
//!
//! ```text
//! "2W" window:u32                             so many events come before an answer is due
//! "2J" sequence:u32 length:u32 JSON           one event
//! "2C" length:u32 zlib(frames)                several frames
//!   ◀─ "2A" sequence:u32                      everything up to there is kept
//! ```

use std::io::Read;

use super::{Broken, Document, Unit};

/// Most bytes that a compressed frame may hold.
const UNPACKED_MAX: u64 = 64 << 20;
/// Most events of a window.
const WINDOW_MAX: u32 = 1 << 20;

/// One connection.
#[derive(Debug, Default)]
pub(in crate::receive::http) struct Talk {
    /// Events that the window still lacks.
    left: u32,
    /// Events of the window so far: they are booked together, because they are answered together.
    window: Vec<Document>,
}

impl Talk {
    /// Takes in whole frames up to the end of a window.
    pub(super) fn next(&mut self, input: &[u8]) -> Result<Option<Unit>, Broken> {
        let mut rest = input;
        let mut answer = Vec::new();
        while answer.is_empty()
            && let Some((frame, after)) = frame(rest)?
        {
            rest = after;
            match frame {
                Frame::Window(size) if size <= WINDOW_MAX => self.left = size,
                Frame::Window(_) => return Err(Broken),
                Frame::Event { seq, json } => self.event(seq, json, &mut answer)?,
                Frame::Packed(packed) => self.frames(&unpack(packed)?, &mut answer)?,
            }
        }
        let len = input.len() - rest.len();
        let documents = if answer.is_empty() { Vec::new() } else { std::mem::take(&mut self.window) };
        Ok((len > 0).then_some(Unit { len, documents, answer, greeting: Vec::new() }))
    }

    fn frames(&mut self, mut bytes: &[u8], answer: &mut Vec<u8>) -> Result<(), Broken> {
        while !bytes.is_empty() {
            let Some((Frame::Event { seq, json }, rest)) = frame(bytes)? else { return Err(Broken) };
            self.event(seq, json, answer)?;
            bytes = rest;
        }
        Ok(())
    }

    fn event(&mut self, seq: u32, json: &[u8], answer: &mut Vec<u8>) -> Result<(), Broken> {
        self.left = self.left.checked_sub(1).ok_or(Broken)?;
        self.window.push(Document::Json(json.to_vec()));
        if self.left == 0 {
            *answer = [&b"2A"[..], &seq.to_be_bytes()].concat();
        }
        Ok(())
    }
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, Broken> {
    let mut unpacked = Vec::new();
    let mut decoder = flate2::read::ZlibDecoder::new(packed).take(UNPACKED_MAX + 1);
    decoder.read_to_end(&mut unpacked).map_err(|_| Broken)?;
    if unpacked.len() as u64 > UNPACKED_MAX { Err(Broken) } else { Ok(unpacked) }
}

enum Frame<'a> {
    Window(u32),
    Event { seq: u32, json: &'a [u8] },
    Packed(&'a [u8]),
}

/// The frame at the head of `input` and what follows; `None` until all of it is there.
fn frame(input: &[u8]) -> Result<Option<(Frame<'_>, &[u8])>, Broken> {
    let Some((head, rest)) = input.split_at_checked(2) else { return Ok(None) };
    let word = |at: usize| rest.get(at..at + 4).map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
    let body = |from: usize, len: u32| Some((rest.get(from..from + len as usize)?, &rest[from + len as usize..]));
    match head {
        b"2W" => Ok(word(0).map(|size| (Frame::Window(size), &rest[4..]))),
        b"2J" => {
            let (Some(seq), Some(len)) = (word(0), word(4)) else { return Ok(None) };
            Ok(body(8, len).map(|(json, rest)| (Frame::Event { seq, json }, rest)))
        }
        b"2C" => {
            let Some(len) = word(0) else { return Ok(None) };
            Ok(body(4, len).map(|(packed, rest)| (Frame::Packed(packed), rest)))
        }
        _ => Err(Broken),
    }
}
