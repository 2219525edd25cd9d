//! What a record looks like at the far end of the EKS deployment: its configuration unchanged, over TLS with an API server that
//! is busy and slow, away, and that has given a pod's name to another one.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::symlink,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};

use loadgen::kube::{Container, KubeMode, KubePlan, KubeServer, Pod};
use nix::sys::signal::Signal;
use results::outcome::Verdict;
use serde_json::Value;

use crate::support::{Running, free_port, live, place, program, run, start_command, until, written::Written};

const ACCESS: &str =
    r#"10.0.0.9 - alice [21/Nov/2026:05:48:09 +0000] "GET /cart?id=7 HTTP/1.1" 200 512 "-" "hey/0.0.1""#;

/// Takes every call of a CloudWatch client for granted, and keeps the events.
struct Store {
    port: u16,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Store {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let events = Arc::<Mutex<Vec<Value>>>::default();
        let kept = Arc::clone(&events);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || serve(stream, &kept));
            }
        });
        Self { port, events }
    }

    /// The records that arrived with this text.
    fn with(&self, log: &str) -> Vec<Value> {
        self.events
            .lock()
            .unwrap()
            .iter()
            .filter(|record| record["log"].as_str().is_some_and(|l| l.trim_end() == log))
            .cloned()
            .collect()
    }
}

fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Value>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body: Value = serde_json::from_slice(&body).ok()?;
        for event in body["logEvents"].as_array().into_iter().flatten() {
            kept.lock().unwrap().push(serde_json::from_str(event["message"].as_str()?).ok()?);
        }
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: 2\r\n\r\n{{}}")
            .ok()?;
    }
}

fn id(letter: char) -> String {
    letter.to_string().repeat(64)
}

fn pod(name: &str, uid: &str, container: char, annotation: Option<(&str, &str)>) -> Pod {
    let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    Pod {
        namespace: "shop".into(),
        name: name.into(),
        uid: uid.into(),
        node: "node-1".into(),
        ip: "10.1.0.7".into(),
        labels: [own(("app", uid))].into(),
        annotations: annotation.map(own).into_iter().collect(),
        containers: vec![Container { name: "nginx".into(), id: id(container), image: "nginx:1.27".into() }],
    }
}

/// The file of a container, as Docker lays it out, with one line for each text.
fn write(root: &Path, pod: &str, container: char, texts: &[&str]) {
    let file = root.join(format!("docker/{}-json.log", id(container)));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let line = |log: &str, end: &str| {
        let log = Value::from(format!("{log}{end}"));
        format!("{{\"log\":{log},\"stream\":\"stdout\",\"time\":\"2026-11-21T05:48:09.123456789Z\"}}\n")
    };
    let mut lines = String::new();
    for text in texts {
        // Docker splits after 16 KiB, and only the last part ends with a line feed.
        let mut rest = *text;
        while rest.len() > 16_384 {
            lines += &line(&rest[..16_384], "");
            rest = &rest[16_384..];
        }
        lines += &line(rest, "\n");
    }
    fs::write(&file, lines).unwrap();
    let link = root.join(format!("containers/{pod}_shop_nginx-{}.log", id(container)));
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    symlink(&file, &link).unwrap();
}

fn agent(root: &Path, kube: &KubeServer, store: &Store) -> Running {
    for (name, text) in pipeline::configs::ALL {
        fs::write(root.join(name), text).unwrap();
    }
    let logs = root.join("containers").display().to_string();
    fs::create_dir_all(root.join("state")).unwrap();
    fs::write(root.join("ca.pem"), kube.authority().unwrap()).unwrap();
    fs::write(root.join("token"), "secret").unwrap();
    let mut command = Command::new(program());
    command.args(["pipeline", "-c"]).arg(root.join("eks-cloudwatch.conf")).env_clear();
    let settings = [
        ("KUBE_TAG_PREFIX", format!("kube.{}.", logs.trim_start_matches('/').replace('/', "."))),
        ("LOGS", logs),
        ("STATE", root.join("state").display().to_string()),
        ("HTTP_PORT", free_port().to_string()),
        ("KUBE_URL", kube.url()),
        ("KUBE_CA_FILE", root.join("ca.pem").display().to_string()),
        ("KUBE_TOKEN_FILE", root.join("token").display().to_string()),
        ("CLOUDWATCH_ENDPOINT", format!("http://127.0.0.1:{}", store.port)),
        ("REGION", "eu-central-1".into()),
        ("CLUSTER", "stand-in".into()),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".into()),
        ("AWS_SECRET_ACCESS_KEY", "secret".into()),
    ];
    command.envs(settings);
    start_command(command, "tailproof pipeline -c eks-cloudwatch.conf".into())
}

fn server(pods: Vec<Pod>) -> KubeServer {
    KubeServer::start(KubePlan { token: "secret".into(), pods, ..KubePlan::default() }).unwrap()
}

#[test]
fn a_record_arrives_with_its_text_its_fields_and_its_pod() {
    let folder = place();
    let root = folder.path().canonicalize().unwrap();
    let long = "x".repeat(40_000);
    write(&root, "web-0", 'a', &[ACCESS]);
    write(&root, "api-0", 'b', &[r#"{"level":"info","n":7}"#, &long]);
    write(&root, "quiet-0", 'c', &["never"]);
    let kube = server(vec![
        pod("web-0", "u-web", 'a', Some(("fluentbit.io/parser", "nginx"))),
        pod("api-0", "u-api", 'b', None),
        pod("quiet-0", "u-quiet", 'c', Some(("fluentbit.io/exclude", "true"))),
    ]);
    // Busy at first, then slow: the records wait for their pods.
    kube.set(KubeMode::Refuse { status: 429 });
    let store = Store::open();
    let running = agent(&root, &kube, &store);
    until("it was refused", 30, || kube.counters().refused >= 3);
    kube.set(KubeMode::Slow { ms: 300 });
    until("the records of two pods", 30, || store.events.lock().unwrap().len() >= 3);
    running.signal(Signal::SIGTERM);
    running.wait(40).expect(0);

    let [web] = &store.with(ACCESS)[..] else { panic!("{:?}", store.events) };
    assert_eq!((&web["data"]["path"], &web["data"]["code"]), (&"/cart?id=7".into(), &"200".into()), "{web}");
    assert_eq!((web["log"].as_str(), web["stream"].as_str()), (Some(format!("{ACCESS}\n").as_str()), Some("stdout")));
    let about = &web["kubernetes"];
    for (key, value) in [
        ("pod_name", "web-0"),
        ("namespace_name", "shop"),
        ("pod_id", "u-web"),
        ("host", "node-1"),
        ("container_name", "nginx"),
        ("docker_id", &*id('a')),
        ("container_image", "nginx:1.27"),
    ] {
        assert_eq!(about[key], value, "{key} of {about}");
    }
    assert_eq!(
        (&about["labels"]["app"], &about["annotations"]["fluentbit.io/parser"]),
        (&"u-web".into(), &"nginx".into())
    );
    let [json] = &store.with(r#"{"level":"info","n":7}"#)[..] else { panic!("{:?}", store.events) };
    assert_eq!((&json["data"]["n"], &json["kubernetes"]["pod_id"]), (&7.into(), &"u-api".into()));
    assert_eq!(store.with(&long).len(), 1, "a split line arrives as one");
    assert!(store.with("never").is_empty(), "a pod that opted out is left out");
    assert_eq!(kube.counters().unauthorized, 0);
}

#[test]
fn a_name_that_is_given_again_never_lends_the_other_pods_metadata() {
    let folder = place();
    let root = folder.path().canonicalize().unwrap();
    write(&root, "web-0", 'a', &["of the first"]);
    let kube = server(vec![pod("web-0", "u-first", 'a', None)]);
    let store = Store::open();
    let running = agent(&root, &kube, &store);
    until("the first pod's record", 30, || store.with("of the first").len() == 1);
    // The first pod is gone and its name is given again; both files are there, as they are for a while.
    kube.put(pod("web-0", "u-second", 'b', None));
    write(&root, "web-0", 'b', &["of the second"]);
    // A third one writes before the API server has heard of it.
    write(&root, "web-0", 'd', &["of the third"]);
    until("the second pod's record", 30, || store.with("of the second").len() == 1);
    until("the third pod's record, without", 30, || store.with("of the third").len() == 1);
    running.signal(Signal::SIGTERM);
    running.wait(40).expect(0);
    let pod_of = |log: &str| store.with(log)[0]["kubernetes"].clone();
    let (first, second, third) = (pod_of("of the first"), pod_of("of the second"), pod_of("of the third"));
    assert_eq!((&first["pod_id"], &first["labels"]["app"]), (&"u-first".into(), &"u-first".into()));
    assert_eq!((&second["pod_id"], &second["labels"]["app"]), (&"u-second".into(), &"u-second".into()));
    assert_eq!(third.get("pod_id"), None, "{third}");
    assert_eq!((third.get("labels"), &third["docker_id"]), (None, &id('d').into()));
}

/// With an API server, each record is to say whose it is.
const OWNED: &str = r#"
name = "written"
question = "Whose is it?"
[time]
warm_up = "500ms"
measure = "1500ms"
drain = "15s"
[load]
layout = "docker"
[[load.group]]
name = "web"
rate = "200/s"
[[process]]
name = "agent"
config = "agent.conf"
env = { LOGS = "{logs}", STATE = "{state}", OUT = "{sink.server.port}" }
[[route]]
name = "server"
sink = { kind = "http" }
[kube]
tls = false
[contract]
delivery = "at-least-once"
stall = "8s"
"#;

/// It asks nobody whose the records are.
const SILENT: &str = "[SERVICE]\n    Flush 0.1\n    Grace 5\n[INPUT]\n    Name tail\n    Tag kube.*\n    Path ${LOGS}/*.log\n    \
                      Parser docker\n    DB ${STATE}/tail.db\n    Read_from_Head On\n[OUTPUT]\n    Name http\n    Match *\n    \
                      Host 127.0.0.1\n    Port ${OUT}\n    Format json_lines\n    Retry_Limit no_limits\n";

#[test]
fn an_agent_that_does_not_say_whose_its_records_are_has_labelled_all_of_them_wrongly() {
    let _live = live();
    let written = Written::new(OWNED, &[("agent.conf", SILENT)]);
    let judged = run(&written.scenario(), &[], &written.out());
    let (outcome, books) = (&judged.outcome, &judged.outcome.books);
    assert_eq!(outcome.verdict, Verdict::Fail, "{judged}");
    assert!(books.delivered > 0 && (books.lost, books.misattributed) == (0, books.delivered), "{judged}");
    assert!(outcome.findings.iter().any(|line| line.contains("records arrived under a wrong label")), "{judged}");
}
