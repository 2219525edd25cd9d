use proptest::prelude::*;

use super::*;

fn security(key: bool, users: bool) -> Security {
    let users = if users { vec![(b"ann".to_vec(), b"right".to_vec())] } else { Vec::new() };
    Security { shared_key: if key { b"secret".to_vec() } else { Vec::new() }, users, hostname: "aggregator".into() }
}

/// Every combination of what is configured with what is presented: only what is right in every demanded part passes.
#[test]
fn only_the_right_key_and_the_right_user_pass() {
    let keys: [&[u8]; 3] = [b"", b"secret", b"guess"];
    let users: [Option<(&[u8], &[u8])>; 5] =
        [None, Some((b"ann", b"right")), Some((b"ann", b"wrong")), Some((b"bob", b"right")), Some((b"", b""))];
    let mut passed = 0;
    for (key, named) in [(false, false), (false, true), (true, false), (true, true)] {
        let server = security(key, named);
        let hello = server.hello(random(), random());
        for given in keys {
            for user in users {
                let ping = Ping::new(&hello, b"client", random(), given, user);
                let mut bytes = Vec::new();
                ping.encode(&mut bytes);
                let pong = server.answer(&hello, &Ping::decode(&bytes).unwrap());
                let right = given == server.shared_key && (!named || user == Some((b"ann", b"right")));
                assert_eq!(pong.accepted, right, "key {key} users {named}: {given:?} {user:?}");
                assert_eq!(ping.proves(&hello, &pong, given), right);
                passed += usize::from(right);
            }
        }
    }
    assert_eq!(passed, 5 + 1 + 5 + 1);
}

#[test]
fn a_digest_counts_for_one_connection_only_and_a_mirror_is_refused() {
    let server = security(true, true);
    let (one, other) = (server.hello(random(), random()), server.hello(random(), random()));
    let ping = Ping::new(&one, b"client", random(), b"secret", Some((b"ann", b"right")));
    assert!(server.answer(&one, &ping).accepted);
    assert!(!server.answer(&other, &ping).accepted);
    let mirror = Ping::new(&one, b"aggregator", random(), b"secret", Some((b"ann", b"right")));
    assert!(!server.answer(&one, &mirror).accepted);
}

#[test]
fn a_server_that_does_not_know_the_key_proves_nothing() {
    let hello = security(true, false).hello(random(), random());
    let ping = Ping::new(&hello, b"client", random(), b"secret", None);
    let yes = Pong { accepted: true, reason: String::new(), hostname: b"aggregator".to_vec(), digest: Vec::new() };
    assert!(!ping.proves(&hello, &yes, b"secret"));
}

#[test]
fn debug_output_holds_no_secret() {
    let text = format!("{:?}", security(true, true));
    assert!(!text.contains("secret") && !text.contains("right"), "{text}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = Hello::decode(&bytes);
        let _ = Ping::decode(&bytes);
        let _ = Pong::decode(&bytes);
    }

    #[test]
    fn words_come_back(
        nonce in proptest::collection::vec(any::<u8>(), 0..40), text in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut out = Vec::new();
        let hello = Hello { nonce: nonce.clone(), auth: text.clone() };
        hello.encode(&mut out);
        prop_assert_eq!(Hello::decode(&out), Ok(hello));
        out.clear();
        let pong = Pong { accepted: true, reason: "x".into(), hostname: nonce.clone(), digest: text.clone() };
        pong.encode(&mut out);
        prop_assert_eq!(Pong::decode(&out), Ok(pong));
        out.clear();
        let ping = Ping { hostname: nonce.clone(), salt: nonce, digest: text.clone(), user: text.clone(), password: text };
        ping.encode(&mut out);
        prop_assert_eq!(Ping::decode(&out), Ok(ping));
    }
}
