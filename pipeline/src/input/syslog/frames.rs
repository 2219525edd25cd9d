//! Messages over a connection: ended by LF or NUL, or counted in octets. Each is told apart by itself, as peers may mix.

use std::sync::Arc;

use super::{Reader, SyslogInput};
use crate::{
    input::{
        intake::Intake,
        listen::{Inbox, InboxError, Peer},
    },
    wire::stream::Stream,
};

/// Digits of a length, at most.
const DIGITS: usize = 8;

/// The next frame of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A message at `from..to`; the next begins at `next`.
    Message {
        /// Where it begins.
        from: usize,
        /// Where it ends.
        to: usize,
        /// Where the next one begins.
        next: usize,
    },
    /// More bytes have to come.
    Short,
    /// Its end is not within the limit: so much of it is there.
    Long {
        /// Where it begins.
        from: usize,
        /// Octets in all, if they are counted.
        counted: Option<usize>,
    },
}

/// Finds the next frame of at most `most` bytes.
pub(super) fn frame(bytes: &[u8], most: usize) -> Frame {
    if let Some(b'1'..=b'9') = bytes.first() {
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match bytes.get(digits) {
            None if digits <= DIGITS => return Frame::Short,
            Some(b' ') if digits <= DIGITS => {
                let number = bytes[..digits].iter().fold(0, |n: usize, digit| n * 10 + usize::from(digit - b'0'));
                let from = digits + 1;
                return match from + number {
                    _ if number > most => Frame::Long { from, counted: Some(number) },
                    to if to <= bytes.len() => Frame::Message { from, to, next: to },
                    _ => Frame::Short,
                };
            }
            // A text that happens to begin with a digit.
            _ => {}
        }
    }
    match memchr::memchr2(b'\n', 0, &bytes[..bytes.len().min(most + 1)]) {
        Some(to) => Frame::Message { from: 0, to, next: to + 1 },
        None if bytes.len() > most => Frame::Long { from: 0, counted: None },
        None => Frame::Short,
    }
}

/// Serves a peer to its end.
pub(super) async fn serve(stream: Stream, peer: Peer, plan: Arc<SyslogInput>, intake: Intake) {
    let idle = plan.connections.as_ref().expect("it came over a connection").idle();
    let mut inbox = Inbox::new(stream, idle, intake.clone());
    let mut reader = Reader::new(&plan, &intake);
    reader.from("tcp", &peer);
    // Bytes that belong to a message of which the first part was kept; without a count, up to its end.
    let mut beyond = Beyond::Nothing;
    let why = loop {
        reader.begin();
        while turn(&mut inbox, &mut reader, &mut beyond, plan.message_max) {}
        reader.push();
        if let Err(why) = inbox.more().await {
            break why;
        }
    };
    // The last message of a connection need not be ended. One that was counted and is not whole is kept as it came.
    if matches!(why, InboxError::Torn | InboxError::Over) && beyond == Beyond::Nothing && !inbox.bytes().is_empty() {
        reader.message(inbox.bytes());
        reader.push();
    }
    if !matches!(why, InboxError::Over | InboxError::Torn | InboxError::Stopped) {
        tracing::info!(input = intake.name(), %peer, %why, "the connection has ended");
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Beyond {
    Nothing,
    Octets(usize),
    ToTheEnd,
}

/// Takes one step; false if more bytes have to come.
fn turn(inbox: &mut Inbox<Stream>, reader: &mut Reader<'_>, beyond: &mut Beyond, most: usize) -> bool {
    let bytes = inbox.bytes();
    match *beyond {
        Beyond::Nothing => {}
        Beyond::Octets(left) => {
            let n = left.min(bytes.len());
            inbox.used(n);
            *beyond = if n == left { Beyond::Nothing } else { Beyond::Octets(left - n) };
            return n > 0;
        }
        Beyond::ToTheEnd => {
            let end = memchr::memchr2(b'\n', 0, bytes);
            let n = end.map_or(bytes.len(), |end| end + 1);
            inbox.used(n);
            if end.is_some() {
                *beyond = Beyond::Nothing;
            }
            return end.is_some();
        }
    }
    match frame(bytes, most) {
        Frame::Message { from, to, next } => {
            reader.message(&bytes[from..to]);
            inbox.used(next);
        }
        Frame::Short => return false,
        // All of what is kept has to be there.
        Frame::Long { from, .. } if bytes.len() < from + most => return false,
        Frame::Long { from, counted } => {
            reader.malformed("a message is longer than `Buffer_Max_Size`; it is cut there");
            reader.message(&bytes[from..from + most]);
            inbox.used(from + most);
            *beyond = counted.map_or(Beyond::ToTheEnd, |counted| Beyond::Octets(counted - most));
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All messages of some bytes, and what is left.
    fn all(mut bytes: &[u8], most: usize) -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut messages = Vec::new();
        while let Frame::Message { from, to, next } = frame(bytes, most) {
            messages.push(bytes[from..to].to_vec());
            bytes = &bytes[next..];
        }
        (messages, bytes.to_vec())
    }

    proptest! {
        #[test]
        fn both_framings_carry_what_was_sent_also_when_they_are_mixed(
            sent in proptest::collection::vec((any::<bool>(), "<[0-9]{1,3}>[ -~]{0,40}"), 0..8),
        ) {
            let mut bytes = Vec::new();
            for (counted, text) in &sent {
                let framed = if *counted { format!("{} {text}", text.len()) } else { format!("{text}\n") };
                bytes.extend_from_slice(framed.as_bytes());
            }
            let (messages, rest) = all(&bytes, 100);
            let expected: Vec<_> = sent.into_iter().map(|(_, text)| text.into_bytes()).collect();
            prop_assert_eq!(messages, expected);
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn no_bytes_make_it_panic_and_it_always_goes_on_or_waits(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b' '), b'0'..=b'9', Just(b'\n')], 0..60),
            most in 1usize..40,
        ) {
            match frame(&bytes, most) {
                Frame::Message { from, to, next } => {
                    prop_assert!(from <= to && to <= next && next <= bytes.len() && next > 0 && to - from <= most);
                }
                Frame::Short => prop_assert!(bytes.len() <= most + DIGITS + 1),
                Frame::Long { from, counted } => prop_assert!(from < bytes.len() + 1 && counted.is_none_or(|n| n > most)),
            }
        }
    }

    #[test]
    fn lengths_without_end_are_no_lengths() {
        assert_eq!(frame(b"123456789 <1>x\n", 100), Frame::Message { from: 0, to: 14, next: 15 });
        assert_eq!(frame(b"99999999 <1>", 100), Frame::Long { from: 9, counted: Some(99_999_999) });
        assert_eq!(frame(b"5 <1>a", 100), Frame::Short);
        assert_eq!(frame(b"0 <1>a\n", 100), Frame::Message { from: 0, to: 6, next: 7 });
    }
}
