//! Where to cut a buffer so that only whole lines of allowed length go on.

/// The answer of [`cut`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// So many bytes are whole lines of allowed length.
    pub(super) take: usize,
    /// Behind them begins a line that is longer than allowed.
    pub(super) long: bool,
}

/// Cuts `bytes`, which begin at the beginning of a line. Looks at every `max` bytes once, not at every line.
pub(super) fn cut(bytes: &[u8], max: usize) -> Cut {
    let mut take = 0;
    loop {
        let window = &bytes[take..bytes.len().min(take + max + 1)];
        match memchr::memrchr(b'\n', window) {
            Some(at) => take += at + 1,
            None => return Cut { take, long: window.len() > max },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, line by line.
    fn plainly(bytes: &[u8], max: usize) -> Cut {
        let mut take = 0;
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            let body = line.strip_suffix(b"\n").unwrap_or(line);
            if body.len() > max {
                return Cut { take, long: true };
            }
            if body.len() < line.len() {
                take += line.len();
            }
        }
        Cut { take, long: false }
    }

    proptest! {
        #[test]
        fn it_cuts_where_a_line_by_line_reader_would(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'x')], 0..60),
            max in 1usize..12,
        ) {
            prop_assert_eq!(cut(&bytes, max), plainly(&bytes, max));
        }
    }
}
