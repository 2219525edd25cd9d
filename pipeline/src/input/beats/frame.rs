//! Frames of lumberjack version 2, from bytes and within limits.

use thiserror::Error;

use crate::{
    event::{Event, Fields, Value, json},
    parse::time::{Time, TimeReader},
    wire::inflate::{InflateError, Limits, unzlib},
};

/// Most records of a window: more than any sender asks for.
const WINDOW_MAX: u32 = 1 << 20;

/// Why bytes are no frames.
#[derive(Debug, Error)]
pub(super) enum FrameError {
    #[error("the peer speaks version 1 of the protocol; configure version 2 (Beats and Logstash 5 or later)")]
    Version1,
    #[error("{0:?} begins no frame of lumberjack version 2; check that the peer is a Beat or a Logstash")]
    Head(char),
    #[error("a frame of the kind {0:?} is not known; configure JSON records, version 2")]
    Kind(char),
    #[error("a frame of {len} bytes is too long, {most} are the most; raise Buffer_Max_Size or send smaller records")]
    Long { len: u64, most: usize },
    #[error("a window of {0} records is too large; lower the batch size of the sender")]
    Window(u32),
    #[error("a compressed frame ends within a frame, or holds another compressed one; check the sender")]
    Nested,
    #[error(transparent)]
    Inflate(#[from] InflateError),
}

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Frame<'a> {
    Window(u32),
    Json { number: u32, text: &'a [u8] },
    Compressed(&'a [u8]),
}

/// The first frame of `bytes` and its length; none if more have to come.
pub(super) fn frame(bytes: &[u8], most: usize) -> Result<Option<(Frame<'_>, usize)>, FrameError> {
    match bytes.first() {
        None | Some(b'2') => {}
        Some(b'1') => return Err(FrameError::Version1),
        Some(&other) => return Err(FrameError::Head(char::from(other))),
    }
    let word = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk::<4>()?));
    let body = |at: usize| -> Result<Option<(&[u8], usize)>, FrameError> {
        let Some(len) = word(at) else { return Ok(None) };
        if len as usize > most {
            return Err(FrameError::Long { len: len.into(), most });
        }
        let end = at + 4 + len as usize;
        Ok(bytes.get(at + 4..end).map(|body| (body, end)))
    };
    Ok(match bytes.get(1) {
        None => None,
        Some(b'W') => match word(2) {
            None => None,
            Some(window) if window > WINDOW_MAX => return Err(FrameError::Window(window)),
            Some(window) => Some((Frame::Window(window), 6)),
        },
        Some(b'J') => match word(2) {
            None => None,
            Some(number) => body(6)?.map(|(text, end)| (Frame::Json { number, text }, end)),
        },
        Some(b'C') => body(2)?.map(|(packed, end)| (Frame::Compressed(packed), end)),
        Some(&other) => return Err(FrameError::Kind(char::from(other))),
    })
}

/// What a compressed frame holds.
pub(super) fn unpack(packed: &[u8], most: usize) -> Result<Vec<u8>, FrameError> {
    // A window of records at once: the limit of one message does not bound it, that of all compressed content does.
    Ok(unzlib(packed, &Limits { bytes: Limits::default().bytes.max(most), ..Limits::default() })?)
}

/// The record of a JSON frame; what is no object is kept raw, and false says so.
pub(super) fn record(text: &[u8], now: Time, times: &mut TimeReader) -> (Event, bool) {
    if let Some(fields) = json::object(text) {
        let at = fields.get("@timestamp").and_then(Value::as_bytes).and_then(|text| times.read(text));
        return (Event::new(at.unwrap_or(now), fields), true);
    }
    let mut fields = Fields::default();
    fields.push("message", Value::text(text));
    (Event::new(now, fields), false)
}

/// An answer.
pub(super) fn ack(number: u32) -> [u8; 6] {
    let [a, b, c, d] = number.to_be_bytes();
    [b'2', b'A', a, b, c, d]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_of_version_2_is_refused_at_its_first_bytes() {
        assert!(matches!(frame(b"1W\0\0\0\x01", 100), Err(FrameError::Version1)));
        assert!(matches!(frame(b"GET /", 100), Err(FrameError::Head('G'))));
        assert!(matches!(frame(b"2D\0", 100), Err(FrameError::Kind('D'))));
        assert!(matches!(frame(b"2J\0\0\0\x01\xff\xff\xff\xff", 100), Err(FrameError::Long { len: 0xffff_ffff, .. })));
        assert!(matches!(frame(b"2C\0\0\0\x65", 100), Err(FrameError::Long { len: 101, .. })));
        assert!(matches!(frame(b"2W\xff\xff\xff\xff", 100), Err(FrameError::Window(_))));
    }

    #[test]
    fn frames_are_cut_off_at_every_byte_but_the_last() {
        let whole = b"2J\0\0\0\x07\0\0\0\x02{}";
        for at in 0..whole.len() {
            assert_eq!(frame(&whole[..at], 100).unwrap(), None, "cut at {at}");
        }
        assert_eq!(frame(whole, 100).unwrap(), Some((Frame::Json { number: 7, text: b"{}" }, 12)));
        assert_eq!(frame(b"2W\0\0\0\x03rest", 100).unwrap(), Some((Frame::Window(3), 6)));
        assert_eq!(frame(b"2C\0\0\0\x03abc2", 100).unwrap(), Some((Frame::Compressed(b"abc"), 9)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40), kind in any::<u8>()) {
            let _ = frame(&bytes, 20);
            let _ = frame(&[&[b'2', kind], bytes.as_slice()].concat(), 20);
            record(&bytes, Time::from_unix_ns(0), &mut TimeReader::default());
        }
    }
}
