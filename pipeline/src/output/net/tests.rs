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
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
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

/// What a relay has seen.
#[derive(Debug, Default)]
struct Seen {
    /// Bytes that came out of TLS.
    bytes: AtomicU64,
    /// Connections that have not ended.
    open: AtomicU64,
}

impl Seen {
    /// Bytes that came out of TLS, once all connections have ended.
    async fn in_all(&self) -> u64 {
        while self.open.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
        self.bytes.load(Ordering::SeqCst)
    }
}

/// Takes TLS and hands on what is in it, both ways.
async fn relay(papers: &Papers, to: u16) -> (u16, Arc<Seen>) {
    let server = TlsServer { certificate: papers.certificate.clone(), key: papers.key.clone(), authorities: None };
    let acceptor = server.acceptor().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, seen) = (listener.local_addr().unwrap().port(), Arc::<Seen>::default());
    let told = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            told.open.fetch_add(1, Ordering::SeqCst);
            let (acceptor, told) = (acceptor.clone(), Arc::clone(&told));
            tokio::spawn(async move {
                if let Ok(outside) = acceptor.accept(stream).await {
                    between(outside, TcpStream::connect(("127.0.0.1", to)).await.unwrap(), &told.bytes).await;
                }
                told.open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (port, seen)
}

/// Hands on what comes, both ways, until the end of what comes from outside; its bytes are counted before they go on.
async fn between(outside: impl AsyncRead + AsyncWrite, mut inside: TcpStream, bytes: &AtomicU64) {
    let (mut from, mut back) = tokio::io::split(outside);
    let (mut answers, mut to) = inside.split();
    let there = async {
        let mut block = [0; 4096];
        while let Ok(n @ 1..) = from.read(&mut block).await {
            bytes.fetch_add(n as u64, Ordering::SeqCst);
            if to.write_all(&block[..n]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = there => {}
        // Whoever ended first: a server that is done says so.
        _ = tokio::io::copy(&mut answers, &mut back) => { let _ = back.shutdown().await; }
    }
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
            let bytes = seen.in_all().await;
            assert_eq!(bytes > 0, *gets_through, "{keys} {more}: {bytes} bytes came");
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
            assert_eq!((count(&counters.dropped), seen.in_all().await), (20, 0), "{keys}");
        });
    }
}
