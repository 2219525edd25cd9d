//! Where an answer ends. Of what it says, a load wants to know nothing but its status; so it is counted through and not
//! kept: a client that hands out heads and bodies makes a request cost half as much again (measured with hyper).
//!
//! ```text
//! head ─┬─ length ─▶ body ─────────────────────────────▶ whole
//!   ▲   ├─ chunked ─▶ size ─▶ chunk ─▶ line end ─▶ size … trailer ─▶ whole
//!   │   └─ neither ─▶ until the connection ends ───────▶ whole
//!   └── 1xx
//! ```

use std::{io, mem::MaybeUninit};

use httparse::{Header, ParserConfig, Response, Status};

/// Longest head, trailer or line with the size of a chunk, bytes.
const MAX_PART: usize = 256 * 1024;
/// Most lines of a head or a trailer.
const MAX_LINES: usize = 100;

/// What comes next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Head,
    /// So many bytes more.
    Body(u64),
    Size,
    /// So many bytes more of a chunk.
    Chunk(u64),
    LineEnd,
    Trailer,
    /// Whatever comes until the connection ends.
    Rest,
    Nothing,
}

/// One answer, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Answer {
    next: Next,
    status: u16,
    is_last: bool,
}

impl Answer {
    /// Nothing more belongs to it.
    pub(super) fn is_whole(&self) -> bool {
        self.next == Next::Nothing
    }

    /// The status, once the head is there.
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// No other answer follows it on its connection.
    pub(super) fn is_last(&self) -> bool {
        self.is_last
    }

    /// Takes what belongs to the answer, and says how many bytes that was; the others have to be shown again, with more.
    pub(super) fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut at = 0;
        while self.next != Next::Nothing {
            let rest = &bytes[at..];
            let taken = match self.next {
                Next::Head => self.head(rest)?,
                Next::Body(left) | Next::Chunk(left) => self.some_of(left, rest.len()),
                Next::Size => self.size(rest)?,
                Next::LineEnd => self.line_end(rest)?,
                Next::Trailer => self.trailer(rest)?,
                Next::Rest => Some(rest.len()).filter(|len| *len > 0),
                Next::Nothing => None,
            };
            match taken {
                Some(taken) => at += taken,
                None if rest.len() > MAX_PART => return Err(malformed("a head without end")),
                None => break,
            }
        }
        Ok(at)
    }

    /// The connection ended.
    pub(super) fn end(&mut self) -> io::Result<()> {
        if self.next == Next::Rest {
            self.next = Next::Nothing;
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed before the answer was whole"))
    }

    fn head(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let mut lines = [const { MaybeUninit::uninit() }; MAX_LINES];
        let mut head = Response::new(&mut []);
        let parsed = ParserConfig::default().parse_response_with_uninit_headers(&mut head, bytes, &mut lines);
        let Status::Complete(len) = parsed.map_err(malformed)? else { return Ok(None) };
        self.status = head.code.unwrap_or_default();
        let framing = Framing::of(head.headers)?;
        self.is_last = if head.version == Some(0) { !framing.is_kept } else { framing.is_closed };
        self.next = match self.status {
            // Nobody asks for another protocol.
            101 => return Err(malformed("the protocol was switched")),
            // The answer itself is still to come.
            100..200 => Next::Head,
            204 | 304 => Next::Nothing,
            _ => framing.body(),
        };
        self.is_last |= self.next == Next::Rest;
        Ok(Some(len))
    }

    /// Goes on in a body or a chunk, of which `left` bytes are to come and `here` are there.
    fn some_of(&mut self, left: u64, here: usize) -> Option<usize> {
        let taken = left.min(here as u64);
        self.next = match (self.next, left - taken) {
            (Next::Chunk(_), 0) => Next::LineEnd,
            (Next::Chunk(_), left) => Next::Chunk(left),
            (_, left) => body(left),
        };
        Some(taken as usize).filter(|taken| *taken > 0)
    }

    fn size(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let parsed = httparse::parse_chunk_size(bytes).map_err(malformed)?;
        let Status::Complete((len, size)) = parsed else { return Ok(None) };
        self.next = if size == 0 { Next::Trailer } else { Next::Chunk(size) };
        Ok(Some(len))
    }

    fn line_end(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match bytes.get(..2) {
            None => Ok(None),
            Some(b"\r\n") => {
                self.next = Next::Size;
                Ok(Some(2))
            }
            Some(_) => Err(malformed("a chunk is longer than its size")),
        }
    }

    fn trailer(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let mut lines = [httparse::EMPTY_HEADER; MAX_LINES];
        let parsed = httparse::parse_headers(bytes, &mut lines).map_err(malformed)?;
        let Status::Complete((len, _)) = parsed else { return Ok(None) };
        self.next = Next::Nothing;
        Ok(Some(len))
    }
}

/// What a head says of the body and of the connection.
#[derive(Debug, Default)]
struct Framing {
    length: Option<u64>,
    /// Whether the last coding that was named is chunked; `None` if none was.
    is_chunked: Option<bool>,
    is_closed: bool,
    is_kept: bool,
}

impl Framing {
    fn of(lines: &[Header<'_>]) -> io::Result<Self> {
        let mut framing = Self::default();
        for line in lines {
            let words = || line.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            if line.name.eq_ignore_ascii_case("content-length") {
                for word in words() {
                    let length = std::str::from_utf8(word).ok().filter(|word| !word.starts_with('+'));
                    let length: u64 = length.and_then(|word| word.parse().ok()).ok_or_else(|| malformed("length"))?;
                    if framing.length.replace(length).is_some_and(|other| other != length) {
                        return Err(malformed("two lengths"));
                    }
                }
            } else if line.name.eq_ignore_ascii_case("transfer-encoding") {
                framing.is_chunked = words().next_back().map(|word| word.eq_ignore_ascii_case(b"chunked"));
            } else if line.name.eq_ignore_ascii_case("connection") {
                framing.is_closed |= words().any(|word| word.eq_ignore_ascii_case(b"close"));
                framing.is_kept |= words().any(|word| word.eq_ignore_ascii_case(b"keep-alive"));
            }
        }
        Ok(framing)
    }

    /// A coding counts for more than a length.
    fn body(&self) -> Next {
        match (self.is_chunked, self.length) {
            (Some(true), _) => Next::Size,
            (None, Some(length)) => body(length),
            _ => Next::Rest,
        }
    }
}

fn body(left: u64) -> Next {
    if left == 0 { Next::Nothing } else { Next::Body(left) }
}

fn malformed(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the answer is no HTTP/1: {what}"))
}
