use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::Value;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

use super::*;

fn pod(name: &str, uid: &str) -> Pod {
    Pod {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        uid: uid.to_owned(),
        node: "node-1".to_owned(),
        ip: "10.1.2.3".to_owned(),
        labels: [("app".to_owned(), name.to_owned())].into(),
        annotations: [("fluentbit.io/parser".to_owned(), "nginx".to_owned())].into(),
        containers: vec![Container { name: "app".to_owned(), id: "a".repeat(64), image: "nginx:1".to_owned() }],
    }
}

fn server(tls: bool) -> KubeServer {
    let pods = vec![pod("web-0", "u0"), pod("web-1", "u1")];
    KubeServer::start(KubePlan { tls, token: "secret".to_owned(), pods, ..KubePlan::default() }).unwrap()
}

fn ask_over(stream: &mut (impl Read + Write), path: &str, token: &str) -> std::io::Result<(u16, String, String)> {
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    Ok((head[9..12].parse().unwrap(), head.to_owned(), body.to_owned()))
}

fn ask(server: &KubeServer, path: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(server.address).unwrap();
    let (status, _, body) = ask_over(&mut stream, path, "secret").unwrap();
    (status, serde_json::from_str(&body).unwrap())
}

#[test]
fn pods_are_handed_out_alone_and_in_lists() {
    let server = server(false);
    let (status, pod) = ask(&server, "/api/v1/namespaces/shop/pods/web-1");
    assert_eq!((status, &pod["metadata"]["uid"], &pod["spec"]["nodeName"]), (200, &"u1".into(), &"node-1".into()));
    assert_eq!(pod["metadata"]["annotations"]["fluentbit.io/parser"], "nginx");
    assert_eq!(pod["status"]["containerStatuses"][0]["containerID"], format!("docker://{}", "a".repeat(64)));
    let names = |path| -> Vec<String> {
        let (_, list) = ask(&server, path);
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("/api/v1/pods"), ["web-0", "web-1"]);
    assert_eq!(names("/api/v1/namespaces/shop/pods"), ["web-0", "web-1"]);
    assert_eq!(names("/api/v1/namespaces/other/pods"), [""; 0]);
    let (status, error) = ask(&server, "/api/v1/namespaces/shop/pods/web-2");
    assert_eq!((status, &error["kind"], &error["reason"]), (404, &"Status".into(), &"NotFound".into()));
    let counters = server.counters();
    assert_eq!((counters.requests, counters.pods, counters.not_found), (5, 5, 1));
}

#[test]
fn a_name_that_is_given_again_is_another_pod() {
    let server = server(false);
    assert!(!server.has_told("u0"));
    assert_eq!(ask(&server, "/api/v1/namespaces/shop/pods/web-0").1["metadata"]["uid"], "u0");
    assert!(server.has_told("u0"));
    server.put(pod("web-0", "u9"));
    assert_eq!(ask(&server, "/api/v1/namespaces/shop/pods/web-0").1["metadata"]["uid"], "u9");
    server.remove("shop", "web-0");
    assert_eq!(ask(&server, "/api/v1/namespaces/shop/pods/web-0").0, 404);
}

#[test]
fn only_the_token_opens() {
    let server = server(false);
    for token in ["", "secre", "secrets", "Secret"] {
        let mut stream = TcpStream::connect(server.address).unwrap();
        assert_eq!(ask_over(&mut stream, "/api/v1/pods", token).unwrap().0, 401);
    }
    assert_eq!((server.counters().unauthorized, server.counters().pods), (4, 0));
}

#[test]
fn it_is_slow_busy_and_away_on_request() {
    let server = server(false);
    let path = "/api/v1/namespaces/shop/pods/web-0";
    let before = server.counters();
    server.set(KubeMode::Slow { ms: 120 });
    let clock = crate::clock::RunClock::start();
    assert_eq!(ask(&server, path).0, 200);
    assert!(clock.now_us() >= 120_000);
    server.set(KubeMode::Refuse { status: 429 });
    let mut stream = TcpStream::connect(server.address).unwrap();
    let (status, head, _) = ask_over(&mut stream, path, "secret").unwrap();
    assert!(status == 429 && head.to_ascii_lowercase().contains("retry-after: 1"), "{head}");
    server.set(KubeMode::Gone);
    let mut stream = TcpStream::connect(server.address).unwrap();
    assert!(ask_over(&mut stream, path, "secret").is_err());
    let now = server.counters();
    let hits =
        [KubeMode::Slow { ms: 1 }, KubeMode::Refuse { status: 500 }, KubeMode::Gone].map(|m| m.hits(&before, &now));
    assert_eq!(hits, [1, 1, 1]);
    server.set(KubeMode::Answer);
    assert_eq!(ask(&server, path).0, 200);
}

#[test]
fn tls_is_trusted_by_its_authority_alone() {
    let server = server(true);
    assert!(server.url().starts_with("https://127.0.0.1:"));
    let config = |pem: Option<&str>| {
        let mut roots = RootCertStore::empty();
        if let Some(pem) = pem {
            roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
        }
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    };
    let ask = |config| {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(connection, TcpStream::connect(server.address).unwrap());
        ask_over(&mut stream, "/api/v1/namespaces/shop/pods/web-0", "secret")
    };
    assert_eq!(ask(config(server.authority())).unwrap().0, 200);
    assert!(ask(config(None)).is_err());
    assert_eq!(server.counters().requests, 1);
}
