//! Every output that speaks TLS, over TLS: what the keys demand is demanded, and who cannot prove it gets nothing.
//!
//! ```text
//! output ── TLS ─▶ relay (shows a certificate) ── plain ─▶ a server of the output's protocol
//! ```

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    output::{
        bench::{block_on, context, count, folder, plan, twenty},
        run, stub,
    },
    wire::{
        forward,
        inflate::Limits,
        msgpack::Scan,
        tls::{
            TlsServer,
            tests::{Papers, papers},
        },
    },
};

/// Takes TLS and hands on what is in it, both ways; counts what came out of it.
async fn relay(papers: &Papers, to: u16) -> (u16, Arc<AtomicU64>) {
    let server = TlsServer { certificate: papers.certificate.clone(), key: papers.key.clone(), authorities: None };
    let acceptor = server.acceptor().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, seen) = (listener.local_addr().unwrap().port(), Arc::new(AtomicU64::new(0)));
    let counter = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, counter) = (acceptor.clone(), Arc::clone(&counter));
            tokio::spawn(async move {
                let Ok(mut outside) = acceptor.accept(stream).await else { return };
                let mut inside = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                if let Ok((came, _)) = tokio::io::copy_bidirectional(&mut outside, &mut inside).await {
                    counter.fetch_add(came, Ordering::SeqCst);
                }
            });
        }
    });
    (port, seen)
}

/// Answers both kinds of HTTP: each item of a bulk request is made.
async fn web() -> u16 {
    stub::listen(|request| {
        let items = vec![r#"{"create":{"status":201}}"#; request.body.split(|byte| *byte == b'\n').count() / 2];
        stub::answer(200, &format!(r#"{{"took":1,"errors":false,"items":[{}]}}"#, items.join(",")))
    })
    .await
}

/// Reads what comes; with `acks`, messages of the forward protocol, which are answered.
async fn raw(acks: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut block) = (Vec::new(), [0; 4096]);
                while let Ok(n @ 1..) = stream.read(&mut block).await {
                    read.extend_from_slice(&block[..n]);
                    while acks && let Some(len) = Scan::new(1 << 20).advance(&read).unwrap() {
                        let message = forward::decode(&read[..len], &Limits::default()).unwrap();
                        let mut out = Vec::new();
                        forward::encode_ack(&message.options.chunk.unwrap(), &mut out);
                        stream.write_all(&out).await.unwrap();
                        read.drain(..len);
                    }
                }
            });
        }
    });
    port
}

/// Keys of an output, and whether it gets through with them. `{ca}` signed the certificate for `localhost`, `{other}`
/// did not.
const CASES: &[(&str, bool)] = &[
    ("Host localhost\ntls.ca_file {ca}", true),
    ("Host localhost\ntls.ca_file {other}", false),
    ("Host localhost", false),
    ("Host 127.0.0.1\ntls.ca_file {ca}", false),
    ("Host 127.0.0.1\ntls.ca_file {ca}\ntls.vhost localhost", true),
    ("Host 127.0.0.1\ntls.ca_file {ca}\ntls.verify_hostname off", true),
    ("Host 127.0.0.1\ntls.ca_file {other}\ntls.verify_hostname off", false),
    ("Host 127.0.0.1\ntls.verify off", true),
];

/// Delivers 20 records to a server behind TLS with each of the cases.
fn hold(keys: &str, server: impl AsyncFn() -> u16) {
    let folder = folder();
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let (papers, other) = (papers(folder.path()), papers(&other));
    for (more, gets_through) in CASES {
        let more = more.replace("{ca}", &papers.authority.display().to_string());
        let more = more.replace("{other}", &other.authority.display().to_string());
        block_on(async {
            let (port, seen) = relay(&papers, server().await).await;
            let plan = plan(&format!("Name {keys}\nPort {port}\n{more}\nRetry_Limit 2"));
            let context = context(&plan, &twenty("t"));
            let counters = Arc::clone(&context.counters);
            run(plan, context).await;
            let (records, dropped) = (count(&counters.records), count(&counters.dropped));
            let expected = if *gets_through { (20, 0) } else { (0, 20) };
            assert_eq!((records, dropped), expected, "{keys} {more}");
            assert!(*gets_through || seen.load(Ordering::SeqCst) == 0, "{keys} {more}: something was sent");
        });
    }
}

#[test]
fn http_over_tls() {
    hold("http\ntls on", web);
}

#[test]
fn es_over_tls() {
    hold("es\ntls on", web);
}

#[test]
fn forward_over_tls() {
    hold("forward\ntls on", async || raw(true).await);
}

#[test]
fn syslog_over_tls() {
    hold("syslog\nMode tls\nSyslog_Message_Key log", async || raw(false).await);
}

#[test]
fn a_plain_output_gets_nothing_through_to_a_server_that_wants_tls() {
    let folder = folder();
    let papers = papers(folder.path());
    for keys in ["http", "es", "forward"] {
        block_on(async {
            let (port, seen) = relay(&papers, web().await).await;
            let plan = plan(&format!("Name {keys}\nPort {port}\nRetry_Limit 1"));
            let context = context(&plan, &twenty("t"));
            let counters = Arc::clone(&context.counters);
            run(plan, context).await;
            assert_eq!((count(&counters.dropped), seen.load(Ordering::SeqCst)), (20, 0), "{keys}");
        });
    }
}
