use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    filter::tests::{Bench, refused},
    wire::tls::{TlsServer, tests::papers},
};

/// The longest that a test waits for the fetch thread, times 5 ms.
const TRIES: usize = 4_000;

/// A stand-in API server: answers what it is told, remembers what it was asked.
struct Api {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    pods: Arc<Mutex<Vec<(String, String)>>>,
    /// While it is set, no answer leaves.
    closed: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Api {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, pods) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<Vec<(String, String)>>>::default());
        let (closed, ended) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (noted, known, shut, over) =
            (Arc::clone(&asked), Arc::clone(&pods), Arc::clone(&closed), Arc::clone(&ended));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let mut stream = stream.unwrap();
                let head = head(&mut stream);
                noted.lock().unwrap().push(head.clone());
                if shut.load(Ordering::SeqCst) {
                    continue;
                }
                let known = known.lock().unwrap();
                let answer = known.iter().find(|(pod, _)| head.contains(&format!("/pods/{pod} ")));
                let (status, body) = match answer {
                    Some((_, body)) if body.starts_with('4') || body.starts_with('5') => (body.as_str(), "{}"),
                    Some((_, body)) => ("200 OK", body.as_str()),
                    None => ("404 Not Found", "{}"),
                };
                let length = body.len();
                let _ =
                    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            }
        });
        Self { port, asked, pods, closed, ended, thread: Some(thread) }
    }

    fn says(&self, pod: &str, answer: &str) {
        let mut pods = self.pods.lock().unwrap();
        pods.retain(|(name, _)| name != pod);
        pods.push((pod.to_owned(), answer.to_owned()));
    }

    fn questions(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn bench(&self, keys: &str) -> Bench {
        Bench::new(&format!("[FILTER]\nName kubernetes\nMatch *\nKube_URL http://127.0.0.1:{}\n{keys}\n", self.port))
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.thread.take().unwrap().join();
    }
}

fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn id(letter: char) -> String {
    letter.to_string().repeat(64)
}

fn tag(pod: &str, id: &str) -> String {
    format!("kube.var.log.containers.{pod}_shop_nginx-{id}.log")
}

fn pod(uid: &str, container: &str, annotations: &str) -> String {
    format!(
        r#"{{"metadata":{{"uid":"{uid}","labels":{{"app":"{uid}"}},"annotations":{{{annotations}}}}},"spec":{{"nodeName":"node-1"}},"status":{{"podIP":"10.1.2.3","containerStatuses":[{{"name":"nginx","image":"nginx:1","imageID":"sha","containerID":"containerd://{container}"}}]}}}}"#
    )
}

/// Waits until nothing is held, as the service does: by expiring when woken.
fn settle(bench: &Bench) {
    until(|| {
        if bench.chain.expires_at_ms().is_some_and(|due| due <= bench.at_ms) {
            bench.expire();
        }
        bench.chain.is_empty()
    });
}

fn until(mut happened: impl FnMut() -> bool) {
    for _ in 0..TRIES {
        if happened() {
            return;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    panic!("it did not happen");
}

#[test]
fn records_wait_for_their_pod_and_no_others_do() {
    let api = Api::new();
    api.closed.store(true, Ordering::SeqCst);
    let mut bench = api.bench("");
    bench.push(&tag("web-1", &id('a')), &[r#"{"log":"one"}"#]);
    bench.push("else.where", &[r#"{"log":"other"}"#]);
    bench.push(&tag("web-1", &id('a')), &[r#"{"log":"two"}"#]);
    assert_eq!(bench.out(), [("else.where".to_owned(), r#"{"log":"other"}"#.to_owned())]);
    assert_eq!((bench.counter("kubernetes.0").held, bench.unreleased()), (2, 2));
    api.says("web-1", &pod("u1", &id('a'), ""));
    api.closed.store(false, Ordering::SeqCst);
    settle(&bench);
    let texts: Vec<String> = bench.out().into_iter().map(|(_, text)| text).collect();
    let about = format!(
        r#"{{"pod_name":"web-1","namespace_name":"shop","pod_id":"u1","labels":{{"app":"u1"}},"host":"node-1","pod_ip":"10.1.2.3","container_name":"nginx","docker_id":"{}","container_hash":"sha","container_image":"nginx:1"}}"#,
        id('a')
    );
    assert_eq!(texts, ["one", "two"].map(|log| format!(r#"{{"log":"{log}","kubernetes":{about}}}"#)));
    assert_eq!(bench.unreleased(), 0);
    let questions = api.questions();
    bench.push(&tag("web-1", &id('a')), &[r#"{"log":"three"}"#]);
    assert_eq!((bench.out().len(), api.questions()), (1, questions), "what is known is not asked again");
}

#[test]
fn a_pod_that_takes_over_a_name_gets_its_own_labels() {
    let api = Api::new();
    api.says("web-1", &pod("old", &id('a'), ""));
    let mut bench = api.bench("");
    bench.push(&tag("web-1", &id('a')), &["{}"]);
    settle(&bench);
    api.says("web-1", &pod("new", &id('b'), ""));
    bench.push(&tag("web-1", &id('b')), &["{}"]);
    settle(&bench);
    bench.push(&tag("web-1", &id('a')), &["{}"]);
    let labels: Vec<bool> = bench.out().iter().map(|(_, text)| text.contains(r#""labels":{"app":"new"}"#)).collect();
    assert_eq!(labels, [false, true, false]);
}

#[test]
fn an_answer_about_another_pod_of_the_name_is_not_taken() {
    let api = Api::new();
    api.says("web-1", &pod("other", &id('x'), ""));
    let mut bench = api.bench("Hold_Time 2s");
    bench.push(&tag("web-1", &id('a')), &["{}"]);
    until(|| {
        bench.expire();
        api.questions() >= 2
    });
    assert!(bench.out().is_empty());
    bench.at_ms = 2_000;
    bench.expire();
    let out = bench.out();
    assert!(out.len() == 1 && out[0].1.contains("web-1") && !out[0].1.contains("other"), "{out:?}");
    assert_eq!(bench.counter("kubernetes.0").failed, 1);
    assert_eq!(bench.unreleased(), 0);
}

#[test]
fn a_server_that_is_away_or_busy_holds_records_only_so_long_and_so_many() {
    let api = Api::new();
    for answer in ["429 Too Many Requests", "503 Service Unavailable"] {
        api.says("web-1", answer);
        let mut bench = api.bench("Hold_Time 1s\nHold_Max_Size 100k");
        bench.push(&tag("web-1", &id('a')), &["{}"]);
        bench.at_ms = 999;
        bench.expire();
        assert!(bench.out().is_empty(), "{answer}");
        bench.at_ms = 1_000;
        bench.expire();
        assert_eq!(bench.out().len(), 1, "{answer}");
        bench.push(&tag("web-1", &id('a')), &["{}"]);
        assert_eq!(bench.out().len(), 1, "later records do not wait again");
        let long = format!(r#"{{"log":"{}"}}"#, "x".repeat(60_000));
        bench.push(&tag("web-2", &id('c')), &[&long]);
        assert!(bench.out().is_empty());
        bench.push(&tag("web-2", &id('c')), &[&long]);
        assert_eq!(bench.out().len(), 2, "more than Hold_Max_Size does not wait");
        assert_eq!(bench.unreleased(), 0);
    }
}

#[test]
fn a_busy_server_is_asked_again_and_what_is_not_there_is_not() {
    let api = Api::new();
    api.says("web-1", "429 Too Many Requests");
    let mut bench = api.bench("");
    bench.push(&tag("web-1", &id('a')), &["{}"]);
    until(|| api.questions() >= 2);
    api.says("web-1", &pod("u", &id('a'), ""));
    settle(&bench);
    assert!(bench.out()[0].1.contains(r#""pod_id":"u""#));
    let before = api.questions();
    bench.push(&tag("gone", &id('a')), &["{}"]);
    settle(&bench);
    assert!(bench.out()[0].1.contains(r#""pod_name":"gone""#));
    assert_eq!(api.questions(), before + 1);
}

#[test]
fn pods_leave_their_records_out_and_name_their_parser() {
    let api = Api::new();
    api.says("quiet", &pod("q", &id('a'), r#""fluentbit.io/exclude":"true""#));
    api.says("half", &pod("h", &id('b'), r#""fluentbit.io/exclude_stderr":"true""#));
    api.says("nginx", &pod("n", &id('c'), r#""fluentbit.io/parser_stdout-nginx":"ltsv","fluentbit.io/parser":"none""#));
    let mut bench = api.bench(
        "K8S-Logging.Exclude On\nK8S-Logging.Parser On\nMerge_Log On\nMerge_Log_Key data\nLabels Off\nAnnotations Off",
    );
    for (name, letter) in [("quiet", 'a'), ("half", 'b'), ("nginx", 'c')] {
        let records = [r#"{"stream":"stdout","log":"a:1\n"}"#, r#"{"stream":"stderr","log":"a:1\n"}"#];
        bench.push(&tag(name, &id(letter)), &records);
        settle(&bench);
    }
    let out: Vec<String> =
        bench.out().into_iter().map(|(_, text)| text.split(r#","kubernetes""#).next().unwrap().to_owned()).collect();
    assert_eq!(
        out,
        [
            r#"{"stream":"stdout","log":"a:1\n""#,
            r#"{"stream":"stdout","log":"a:1\n","data":{"a":"1"}"#,
            r#"{"stream":"stderr","log":"a:1\n""#,
        ]
    );
    assert_eq!(bench.counter("kubernetes.0").dropped, 3);
    assert_eq!(bench.unreleased(), 0);
}

#[test]
fn a_text_is_merged_where_the_keys_say() {
    let api = Api::new();
    let record = r#"{"log":"{\"a\":\"x\\n\",\"log\":\"inner\"}\n","stream":"stdout"}"#;
    let table = [
        ("", record.trim_end_matches('}').to_owned()),
        ("Merge_Log On", format!(r#"{},"a":"x""#, record.trim_end_matches('}'))),
        ("Merge_Log On\nKeep_Log Off", r#"{"stream":"stdout","a":"x","log":"inner""#.to_owned()),
        ("Merge_Log On\nKeep_Log Off\nMerge_Log_Key d", r#"{"stream":"stdout","d":{"a":"x","log":"inner"}"#.to_owned()),
        (
            "Merge_Log On\nMerge_Log_Trim Off\nMerge_Log_Key d\nKeep_Log off",
            r#"{"stream":"stdout","d":{"a":"x\n","log":"inner"}"#.to_owned(),
        ),
    ];
    for (keys, expected) in table {
        let mut bench = api.bench(keys);
        bench.push(&tag("gone", &id('a')), &[record]);
        settle(&bench);
        let out = bench.out().remove(0).1;
        assert_eq!(
            out.split(r#","kubernetes""#).next().unwrap().trim_end_matches('}'),
            expected.trim_end_matches('}'),
            "{keys}"
        );
    }
}

#[test]
fn the_token_is_sent_and_the_cache_folder_comes_first() {
    let api = Api::new();
    let folder = place();
    std::fs::write(folder.path().join("token"), "secret\n").unwrap();
    std::fs::write(folder.path().join("shop_web-1.meta"), pod("file", &id('a'), "")).unwrap();
    let path = folder.path().display();
    let mut bench = api.bench(&format!("Kube_Token_File {path}/token\nKube_meta_preload_cache_dir {path}"));
    bench.push(&tag("web-1", &id('a')), &["{}"]);
    settle(&bench);
    assert!(bench.out()[0].1.contains(r#""pod_id":"file""#));
    assert_eq!(api.questions(), 0);
    bench.push(&tag("web-2", &id('b')), &["{}"]);
    settle(&bench);
    assert!(api.asked.lock().unwrap()[0].contains("Bearer secret"));
}

fn place() -> tempfile::TempDir {
    let target = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    tempfile::tempdir_in(target).unwrap()
}

/// Answers the connections of one TLS server with a pod; counts the clients that do not believe it.
async fn serve(server: TlsServer, listener: tokio::net::TcpListener, body: String, doubts: &AtomicUsize) {
    let acceptor = server.acceptor().unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(mut stream) = acceptor.accept(stream).await else {
            doubts.fetch_add(1, Ordering::SeqCst);
            continue;
        };
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
        let _ = stream.shutdown().await;
    }
}

#[test]
fn only_a_server_that_the_authority_vouches_for_is_believed() {
    let folder = place();
    let papers = papers(folder.path());
    let other = place();
    let stranger = self::papers(other.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = TlsServer { certificate: papers.certificate, key: papers.key, authorities: None };
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let doubts = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&doubts);
    let thread = std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = serve(server, listener, pod("tls", &id('a'), ""), &counted) => {}
                _ = ended => {}
            }
        });
    });
    let bench = |keys: &str| {
        Bench::new(&format!(
            "[FILTER]\nName kubernetes\nMatch *\nKube_URL https://127.0.0.1:{port}\ntls.vhost localhost\n{keys}\n"
        ))
    };
    let trusting = |path: &std::path::Path| format!("Kube_CA_File {}", path.display());
    for (keys, believed) in [
        (trusting(&papers.authority), true),
        (trusting(&stranger.authority), false),
        (format!("{}\ntls.verify off", trusting(&stranger.authority)), true),
    ] {
        let mut bench = bench(&format!("{keys}\nHold_Time 3s"));
        bench.push(&tag("web-1", &id('a')), &["{}"]);
        if !believed {
            // It goes on asking, and goes on doubting.
            until(|| doubts.load(Ordering::SeqCst) >= 2);
            assert!(bench.out().is_empty());
            bench.at_ms = 3_000;
            bench.expire();
        }
        settle(&bench);
        assert_eq!(bench.out()[0].1.contains(r#""pod_id":"tls""#), believed, "{keys}");
    }
    drop(end);
    thread.join().unwrap();
}

#[test]
fn what_has_no_meaning_here_is_refused() {
    insta::assert_snapshot!(refused("kubernetes", "Use_Kubelet On"), @"use the configuration t.conf:6: `Use_Kubelet` is not supported: metadata come from the API server only; leave it off");
    insta::assert_snapshot!(refused("kubernetes", "Kube_URL kubernetes:443"), @r#"use the configuration t.conf:6: `Kube_URL` cannot be "kubernetes:443"; write an address, as https://kubernetes.default.svc:443"#);
    insta::assert_snapshot!(refused("kubernetes", "Regex_Parser json"), @r#"use the configuration t.conf:6: `Regex_Parser` cannot be "json"; write a parser with `Format regex` and groups pod_name and namespace_name"#);
    insta::assert_snapshot!(refused("kubernetes", "Merge_Parser ngnx"), @"use the configuration t.conf:6: there is no parser `ngnx`; did you mean `nginx`?");
}
