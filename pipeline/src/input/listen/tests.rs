//! Every input that takes connections, over TLS as its keys ask for it: whoever shows no certificate of the authority gets
//! nothing in.

use std::path::Path;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use crate::{
    config::Config,
    input::{
        self, Ready, syslog,
        tests::{Around, at, place},
    },
    wire::tls::{TlsClient, tests::papers},
};

/// Keys of an input, and a record as it takes it.
const INPUTS: [(&str, &[u8]); 4] = [
    ("forward", b"\x93\xa1t\x01\x81\xa1n\x07"),
    ("http", b"POST /t HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n{\"n\":7}"),
    ("beats", b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x07{\"n\":7}"),
    ("syslog\nMode tcp", b"<165>1 2026-11-21T05:50:01.003Z web app 7 ID47 - hello\n"),
];

fn start(keys: &str, around: &Around) -> SocketAddr {
    let text = format!("[INPUT]\nName {keys}\nListen 127.0.0.1\nPort 0\n[OUTPUT]\nName null\nMatch *\n");
    let plan = Config::parse(Path::new("x"), &text, &|_| None).unwrap().plan().unwrap();
    let ready = input::open(&plan.inputs[0].from).unwrap().unwrap();
    let open = match &ready {
        Ready::Forward(_, ready) => &ready.open,
        Ready::Http(_, open) | Ready::Beats(_, open) | Ready::Syslog(_, syslog::Ready::Stream(open)) => open,
        _ => panic!("it takes no connections: {keys}"),
    };
    let address = at(open);
    tokio::spawn(input::run(ready, around.intake.clone()));
    address
}

/// Sends a record that must come to nothing.
async fn in_vain(mut stream: impl AsyncRead + AsyncWrite + Unpin, record: &[u8], around: &Around, who: &str) {
    // Whoever is refused may hear of it before or behind its record.
    let _ = stream.write_all(record).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    tokio::select! {
        _ = stream.read_to_end(&mut answer) => {}
        _ = around.look(1) => panic!("{who} got a record in"),
    }
    assert!(around.is_quiet().await, "{who} got a record in");
}

#[tokio::test]
async fn records_come_in_over_tls_from_those_whom_the_authority_knows_and_from_nobody_else() {
    let (folder, other) = (place(), place());
    let (ours, strangers) = (papers(folder.path()), papers(other.path()));
    let client = |identity| {
        let authorities = Some(ours.authority.clone());
        TlsClient { verify: true, verify_hostname: true, authorities, identity, name: None }
            .connector("localhost")
            .unwrap()
    };
    let [crt, key, ca] = [&ours.certificate, &ours.key, &ours.authority].map(|path| path.display());
    for (input, record) in INPUTS {
        let around = Around::new();
        let address =
            start(&format!("{input}\ntls on\ntls.crt_file {crt}\ntls.key_file {key}\ntls.ca_file {ca}"), &around);
        let connect = async || TcpStream::connect(address).await.unwrap();
        in_vain(connect().await, record, &around, &format!("{input}: a plain client")).await;
        let stranger = Some((strangers.certificate.clone(), strangers.key.clone()));
        for (identity, who) in [(None, "nobody"), (stranger, "a stranger")] {
            let (connector, name) = client(identity);
            if let Ok(stream) = connector.connect(name, connect().await).await {
                in_vain(stream, record, &around, &format!("{input}: {who}")).await;
            }
        }
        let (connector, name) = client(Some((ours.certificate.clone(), ours.key.clone())));
        let mut stream = connector.connect(name, connect().await).await.unwrap();
        stream.write_all(record).await.unwrap();
        stream.flush().await.unwrap();
        assert_eq!(around.take(1).await.len(), 1, "{input}");
    }
}
