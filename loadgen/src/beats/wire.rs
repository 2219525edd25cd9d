//! The words of lumberjack version 2, as a client says and hears them.

use std::io::{self, Read, Write};

use flate2::{Compression, write::ZlibEncoder};

/// One window of events: `events` are their JSON texts, numbered from 1.
pub(super) fn window(events: &[Vec<u8>], compress: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(events.iter().map(|event| event.len() + 10).sum::<usize>() + 6);
    out.extend_from_slice(b"2W");
    out.extend_from_slice(&(events.len() as u32).to_be_bytes());
    if !compress {
        frames(events, &mut out);
        return out;
    }
    let mut plain = Vec::new();
    frames(events, &mut plain);
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&plain).expect("writing to memory cannot fail");
    let packed = packer.finish().expect("writing to memory cannot fail");
    out.extend_from_slice(b"2C");
    out.extend_from_slice(&(packed.len() as u32).to_be_bytes());
    out.extend_from_slice(&packed);
    out
}

fn frames(events: &[Vec<u8>], out: &mut Vec<u8>) {
    for (event, sequence) in events.iter().zip(1u32..) {
        out.extend_from_slice(b"2J");
        out.extend_from_slice(&sequence.to_be_bytes());
        out.extend_from_slice(&(event.len() as u32).to_be_bytes());
        out.extend_from_slice(event);
    }
}

/// Acknowledgements as they come in, byte by byte if need be.
#[derive(Debug, Default)]
pub(super) struct Answers {
    frame: [u8; 6],
    filled: usize,
}

impl Answers {
    /// Reads on; the sequence number that is acknowledged, or `None` while the frame is not whole.
    pub(super) fn next(&mut self, stream: &mut impl Read) -> io::Result<Option<u32>> {
        let read = stream.read(&mut self.frame[self.filled..])?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the agent closed the connection"));
        }
        self.filled += read;
        if self.filled < self.frame.len() {
            return Ok(None);
        }
        self.filled = 0;
        let [b'2', b'A', sequence @ ..] = self.frame else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is no acknowledgement"));
        };
        Ok(Some(u32::from_be_bytes(sequence)))
    }
}

/// An event as Filebeat makes one of a container's line.
pub(super) fn event(text: &[u8], pod: &str, timestamp: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let event = serde_json::json!({
        "@timestamp": String::from_utf8_lossy(timestamp),
        "message": text,
        "stream": "stdout",
        "input": {"type": "container"},
        "kubernetes": {"namespace": "bench", "pod": {"name": pod}, "container": {"name": "app"}},
        "agent": {"type": "filebeat", "version": "8.15.0"},
        "host": {"name": "node-1"},
    });
    event.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_what_the_protocol_says() {
        let events = [b"{}".to_vec(), b"{\"a\":1}".to_vec()];
        assert_eq!(window(&events, false), b"2W\0\0\0\x022J\0\0\0\x01\0\0\0\x02{}2J\0\0\0\x02\0\0\0\x07{\"a\":1}");
        let packed = window(&events, true);
        let len = u32::from_be_bytes(packed[8..12].try_into().unwrap()) as usize;
        assert_eq!((&packed[..8], packed.len()), (&b"2W\0\0\0\x022C"[..], 12 + len));
        let mut plain = Vec::new();
        flate2::read::ZlibDecoder::new(&packed[12..]).read_to_end(&mut plain).unwrap();
        assert_eq!(plain, window(&events, false)[6..]);
    }

    #[test]
    fn an_answer_may_come_in_pieces_and_nonsense_is_an_error() {
        let mut answers = Answers::default();
        assert_eq!(answers.next(&mut &b"2A\0"[..]).unwrap(), None);
        assert_eq!(answers.next(&mut &b"\0\x02\x01"[..]).unwrap(), Some(0x201));
        assert!(answers.next(&mut &b""[..]).is_err());
        assert!(Answers::default().next(&mut &b"HTTP/1"[..]).is_err());
    }
}
