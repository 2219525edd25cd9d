//! Where answers end, however their bytes come.

use proptest::prelude::*;

use super::super::answer::Answer;

/// An answer, its status, and whether another one may follow.
const ANSWERS: [(&str, u16, bool); 14] = [
    ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n", 200, true),
    ("HTTP/1.1 200 OK\r\ncontent-length: 1, 1\r\nconnection: Keep-Alive\r\n\r\nx", 200, true),
    ("HTTP/1.1 500 \r\ncontent-length: 0\r\n\r\n", 500, true),
    ("HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", 204, true),
    ("HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n", 304, true),
    (
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: <a>\r\n\r\nHTTP/1.1 201 Made\r\ncontent-length: 1\r\n\r\nx",
        201,
        true,
    ),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0A; x=y\r\n0123456789\r\n0\r\n\r\n", 200, true),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\ncontent-length: 9\r\n\r\n1\r\nx\r\n0\r\na: b\r\nc: d\r\n\r\n",
        200,
        true,
    ),
    ("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok", 200, true),
    ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, false),
    ("HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 2\r\n\r\nok", 200, false),
    ("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, false),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\ncontent-length: 3\r\n\r\nuntil the end", 200, false),
    ("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n\r\nuntil the end", 200, false),
];
/// The last ones end with their connection.
const SELF_CONTAINED: usize = 11;

/// Shows `bytes` in parts that end at `cuts`, which are in order; says how many the answer did not take.
fn show(answer: &mut Answer, bytes: &[u8], cuts: &[usize]) -> std::io::Result<usize> {
    let mut taken = 0;
    for upto in cuts.iter().copied().chain([bytes.len()]) {
        taken += answer.take(&bytes[taken..upto.max(taken)])?;
    }
    Ok(bytes.len() - taken)
}

proptest! {
    #[test]
    fn an_answer_ends_where_it_ends_however_it_is_cut(at in 0..ANSWERS.len(), cuts in prop::collection::btree_set(0usize..200, 0..8)) {
        let (text, status, is_followed) = ANSWERS[at];
        // What comes behind it belongs to nobody.
        let behind = if at < SELF_CONTAINED { "HTTP/1.1 200" } else { "" };
        let text = format!("{text}{behind}");
        let cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= text.len()).collect();
        let mut answer = Answer::default();
        let left = show(&mut answer, text.as_bytes(), &cuts).expect("well-formed");
        prop_assert_eq!((left, answer.is_whole()), (behind.len(), at < SELF_CONTAINED));
        prop_assert_eq!((answer.status(), answer.is_last()), (status, !is_followed));
        prop_assert!(at < SELF_CONTAINED || answer.end().is_ok() && answer.is_whole());
    }

    #[test]
    fn an_answer_that_is_cut_short_is_not_whole(at in 0..SELF_CONTAINED, cut in 0usize..200) {
        let text = ANSWERS[at].0;
        prop_assume!(cut < text.len());
        let mut answer = Answer::default();
        show(&mut answer, &text.as_bytes()[..cut], &[]).expect("well-formed as far as it goes");
        prop_assert!(!answer.is_whole());
        prop_assert!(answer.end().is_err());
    }

    #[test]
    fn nothing_that_comes_brings_it_down(bytes in prop::collection::vec(any::<u8>(), 0..300), cuts in prop::collection::btree_set(0usize..300, 0..5)) {
        for head in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"] {
            let bytes = [head.as_bytes(), &bytes].concat();
            let cuts: Vec<usize> = cuts.iter().copied().filter(|cut| *cut <= bytes.len()).collect();
            let _ = show(&mut Answer::default(), &bytes, &cuts);
        }
    }
}

#[test]
fn what_cannot_be_understood_is_refused() {
    let endless = format!("HTTP/1.1 200 OK\r\na: {}", "x".repeat(300_000));
    for text in [
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nxyz",
        &endless,
    ] {
        assert!(Answer::default().take(text.as_bytes()).is_err(), "{}", &text[..text.len().min(100)]);
    }
}
