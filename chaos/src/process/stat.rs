//! What `/proc/<pid>/stat` says of a process.
//!
//! ```text
//!  4127 (fluent-bit) S 4100 4127 …
//!  pid   name, may   │ └ parent
//!        hold ") ("  └ state
//! ```
//! The name may hold anything, so fields are counted from the last `)`.

/// What a process is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// R.
    Running,
    /// S or I.
    Sleeping,
    /// D: in the kernel, not to be disturbed.
    Uninterruptible,
    /// T: by a signal.
    Stopped,
    /// t: by a tracer.
    Traced,
    /// Z or X: ended.
    Dead,
}

/// The part that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct About {
    /// What it is doing.
    pub(super) state: State,
    /// Who started it.
    pub(super) parent: u32,
}

/// Reads it; `None` if there is no such process.
pub(super) fn read(pid: u32) -> Option<About> {
    parse(&std::fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// When a process started, clock ticks since boot: with its id it names one process for ever. `None` if there is none.
pub(crate) fn start_ticks(pid: u32) -> Option<u64> {
    let line = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after = line.iter().rposition(|&byte| byte == b')')? + 1;
    // Field 22; the state is field 3.
    std::str::from_utf8(&line[after..]).ok()?.split_ascii_whitespace().nth(19)?.parse().ok()
}

fn parse(line: &[u8]) -> Option<About> {
    let after = line.iter().rposition(|&byte| byte == b')')? + 1;
    let mut fields = std::str::from_utf8(&line[after..]).ok()?.split_ascii_whitespace();
    let state = match fields.next()? {
        "R" => State::Running,
        "S" | "I" => State::Sleeping,
        "D" => State::Uninterruptible,
        "T" => State::Stopped,
        "t" => State::Traced,
        "Z" | "X" | "x" => State::Dead,
        _ => return None,
    };
    Some(About { state, parent: fields.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_full_of_brackets_does_not_shift_the_fields() {
        let about = parse(b"42 (a) S 1 (b) T 7 42 42 0").unwrap();
        assert_eq!(about, About { state: State::Stopped, parent: 7 });
    }

    #[test]
    fn a_cut_line_is_no_process() {
        for line in [&b""[..], b"42", b"42 (a)", b"42 (a) S", b"42 (a) ? 7", b"42 (\xff) S \xff"] {
            assert_eq!(parse(line), None);
        }
    }
}
