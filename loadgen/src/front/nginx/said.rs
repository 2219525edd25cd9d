//! nginx's error log, followed: which lines syslog did not take, and what else went wrong.
//!
//! ```text
//! 2026/11/21 15:50:01 [warn] 71#71: *5 send() to syslog failed while logging request, client: …, request: "GET /a?id=tp1-… HTTP/1.1", …
//! 2026/11/21 15:50:02 [alert] 70#70: worker process 71 exited on signal 9
//! ```
//! The line of a failed send quotes the request: where the record's stamp stands in it, the record is known by name. A
//! probe has its stamp in a header that is not quoted; of those only the number is known.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use memchr::memmem;
use results::identity::RecordId;

use crate::front::stamped;

/// What it says for each line that syslog did not take.
const DROPPED: &[u8] = b"send() to syslog failed";
/// Levels at which something is wrong with nginx itself.
const LEVELS: [&[u8]; 3] = [b" [emerg] ", b" [alert] ", b" [crit] "];
/// What it says of the socket before it says that the line is lost.
const SOCKET: [&[u8]; 3] = [b": connect() failed", b": send() failed", b"while logging to syslog"];
/// Bytes read at once, and the longest line that is looked at: nginx cuts them at 2 KiB.
const READ: usize = 64 << 10;
/// Characters of a line that are quoted.
const QUOTED: usize = 300;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Syslog did not take the line of a request; whose, if the line tells.
    Dropped(Option<RecordId>),
    /// Something is wrong: the line.
    Trouble(String),
}

/// The error log, and up to where it has been read.
#[derive(Debug)]
pub(super) struct ErrorLog {
    path: PathBuf,
    read: u64,
    /// The begin of a line whose end is not there yet.
    rest: Vec<u8>,
}

impl ErrorLog {
    /// Nothing is read yet; the file may come later.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), read: 0, rest: Vec::new() }
    }

    /// Hands on what whole lines say that have come since the last call; stamps of other runs count for nothing.
    pub(super) fn follow(&mut self, run: u32, on: &mut dyn FnMut(Said)) -> io::Result<()> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(self.read))?;
        let mut chunk = vec![0; READ];
        loop {
            let count = file.read(&mut chunk)?;
            if count == 0 {
                return Ok(());
            }
            self.read += count as u64;
            self.rest.extend_from_slice(&chunk[..count]);
            let end = memchr::memrchr(b'\n', &self.rest).map_or(0, |at| at + 1);
            self.rest[..end].split(|byte| *byte == b'\n').filter_map(|line| said(line, run)).for_each(&mut *on);
            self.rest.drain(..end);
            // Nobody but a stranger writes lines of that length; what is left of it says nothing.
            if self.rest.len() > READ {
                self.rest.clear();
            }
        }
    }
}

fn said(line: &[u8], run: u32) -> Option<Said> {
    if let Some(at) = memmem::find(line, DROPPED) {
        return Some(Said::Dropped(stamped(&line[at..], run)));
    }
    let is_wrong = LEVELS.iter().any(|level| memmem::find(line, level).is_some());
    let is_of_socket = SOCKET.iter().any(|words| memmem::find(line, words).is_some());
    (is_wrong && !is_of_socket).then(|| Said::Trouble(quoted(line)))
}

/// The begin of a line, for an error.
pub(super) fn quoted(line: &[u8]) -> String {
    String::from_utf8_lossy(line).chars().take(QUOTED).collect()
}

/// Its last line, for an error.
pub(super) fn last_line(path: &Path) -> String {
    let tail = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let from = file.metadata()?.len().saturating_sub(READ as u64);
        file.seek(SeekFrom::Start(from))?;
        let mut tail = Vec::new();
        file.take(READ as u64).read_to_end(&mut tail)?;
        Ok(tail)
    };
    let tail = tail().unwrap_or_default();
    quoted(tail.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use results::identity::{STAMP_LEN, Stamp, StreamId};

    use super::*;
    use crate::trial::{RUN, place};

    fn stamp(run: u32, seq: u64) -> String {
        let id = RecordId { stream: StreamId(2), seq };
        let mut out = [0; STAMP_LEN];
        Stamp { run, id, due_us: 0, text_len: 140, at: 9 }.encode(&mut out);
        String::from_utf8(out.to_vec()).expect("hex")
    }

    fn dropped(request: &str) -> String {
        format!(
            "2026/11/21 15:50:01 [warn] 71#71: *5 send() to syslog failed while logging request, client: 127.0.0.1, server: , \
             request: \"GET {request} HTTP/1.1\", host: \"shop.example\"\n"
        )
    }

    #[test]
    fn each_failed_send_is_told_once_by_the_name_of_its_record_where_the_line_has_it() {
        let dir = place();
        let path = dir.path().join("error.log");
        let mut log = ErrorLog::new(&path);
        let mut seen = Vec::new();
        log.follow(RUN, &mut |said| seen.push(said)).expect("there is none yet");
        let mut file = File::create(&path).expect("made");
        let text = dropped(&format!("/v1/orders?id={}&q=a", stamp(RUN, 7))) + &dropped("/healthcheck");
        let (head, tail) = text.split_at(text.len() - 30);
        file.write_all(head.as_bytes()).expect("written");
        log.follow(RUN, &mut |said| seen.push(said)).expect("read");
        let named = Said::Dropped(Some(RecordId { stream: StreamId(2), seq: 7 }));
        assert_eq!(seen, std::slice::from_ref(&named), "the second line has no end yet");
        file.write_all(tail.as_bytes()).expect("written");
        file.write_all(dropped(&format!("/a?id={}", stamp(RUN + 1, 8))).as_bytes()).expect("written");
        log.follow(RUN, &mut |said| seen.push(said)).expect("read");
        assert_eq!(seen, [named, Said::Dropped(None), Said::Dropped(None)]);
    }

    #[test]
    fn what_is_wrong_with_nginx_is_told_and_what_its_socket_does_is_not() {
        let trouble = |line: &str| said(line.as_bytes(), RUN);
        let killed = "2026/11/21 15:50:02 [alert] 70#70: worker process 71 exited on signal 9";
        assert_eq!(trouble(killed), Some(Said::Trouble(killed.to_owned())));
        let full = "2026/11/21 15:50:02 [alert] 71#71: *9 write() to \"a.log\" failed (28: No space left on device) while logging request";
        assert_eq!(trouble(full), Some(Said::Trouble(full.to_owned())));
        for quiet in [
            "2026/11/21 15:50:02 [alert] 71#71: connect() failed (2: No such file or directory)",
            "2026/11/21 15:50:02 [alert] 71#71: send() failed (111: Connection refused) while logging to syslog, server: unix:/s",
            "2026/11/21 15:50:02 [warn] 71#71: *9 something else",
            "",
        ] {
            assert_eq!(trouble(quiet), None, "{quiet}");
        }
        assert_eq!(quoted(&[b'x'; 10_000]).len(), QUOTED);
    }
}
