//! `TIME stream TAGS TEXT`, as containerd and CRI-O write it; the first of the tags is P(artial) or F(ull).

use super::{
    batch::{Head, Span, Stream},
    time::{TIME_MAX, TimeReader},
};

/// Length of a time in UTC with nine digits, which is what containerd writes.
const UTC: usize = 30;

/// Takes the head of a line that stands at `at` in its chunk; none if it does not follow the framing.
pub(super) fn split(line: &[u8], at: usize, times: &mut TimeReader) -> Option<Head> {
    // Behind a shorter time a blank can stand there too; then what is before it is no time.
    let usual = (line.get(UTC) == Some(&b' ')).then(|| times.read(&line[..UTC])).flatten();
    let (stamp, time) = if let Some(time) = usual {
        (UTC, time)
    } else {
        let stamp = memchr::memchr(b' ', &line[..line.len().min(TIME_MAX + 1)])?;
        (stamp, times.read(&line[..stamp])?)
    };
    let rest = &line[stamp + 1..];
    let stream = match rest.get(..7)? {
        b"stdout " => Stream::Stdout,
        b"stderr " => Stream::Stderr,
        _ => return None,
    };
    let (complete, tags) = match rest.get(7..9)? {
        b"F " => (true, 2),
        b"P " => (false, 2),
        // Further tags may follow after a colon.
        [first @ (b'F' | b'P'), b':'] => (*first == b'F', memchr::memchr(b' ', &rest[7..])? + 1),
        _ => return None,
    };
    let head = stamp + 8 + tags;
    Some(Head {
        time,
        offset: 0,
        stamp: Span::read(at, stamp),
        text: Span::read(at + head, line.len() - head),
        stream,
        complete,
        more: Vec::new(),
    })
}
