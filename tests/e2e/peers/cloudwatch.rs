//! moto's CloudWatch Logs: what we put is read back with `GetLogEvents`, and moto judges every signature as AWS does.
//!
//! A user and a key are made first, for which moto asks nothing; from then on it refuses what is not signed with that
//! key (`INITIAL_NO_AUTH_ACTION_COUNT`).

use std::path::Path;

use serde_json::{Value, json};

use super::stage::{PATIENCE, Pipeline, each_once, listens, port, program, script, there};
use crate::support::{Running, place, start_command, until};

const RECORDS: u64 = 2_500;
/// Calls that make the user: `CreateUser`, `PutUserPolicy`, `CreateAccessKey`.
const SETUP: &str = "3";
const STREAM: [&str; 2] = ["/peers/app", "from-app.log"];

/// moto's server, and the key and secret of a user who may write logs.
fn moto(at: u16) -> (Running, [String; 2]) {
    let mut command = program("python3");
    command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &at.to_string()]);
    command.env("INITIAL_NO_AUTH_ACTION_COUNT", SETUP);
    let running = start_command(command, format!("moto.server -p {at}"));
    listens("moto", at);
    let mut command = script("python3", "cloudwatch.py");
    command.args([&at.to_string(), "user"]);
    let made = start_command(command, "cloudwatch.py user".to_owned()).wait(PATIENCE).expect(0);
    let mut words = made.stdout.split_whitespace().map(str::to_owned);
    (running, [words.next().unwrap(), words.next().unwrap()])
}

fn read_back(at: u16, [key, secret]: &[String; 2]) -> Vec<Value> {
    let mut command = script("python3", "cloudwatch.py");
    command.args([&at.to_string(), "read", STREAM[0], STREAM[1], key, secret]);
    let read = start_command(command, "cloudwatch.py read".to_owned()).wait(PATIENCE).expect(0);
    read.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn credentials(place: &Path, key: &str, secret: &str) -> String {
    let (path, new) = (place.join("credentials"), place.join("credentials.new"));
    std::fs::write(&new, format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")).unwrap();
    std::fs::rename(new, &path).unwrap();
    path.display().to_string()
}

#[test]
fn moto_refuses_a_wrong_secret_takes_the_right_one_and_gives_every_record_back() {
    if !there("python3", &["-c", "import moto.server, flask, flask_cors, boto3"], "moto with its server (PyPI)") {
        return;
    }
    let place = place();
    let (at, pages) = (port(), port());
    let (_moto, user) = moto(at);
    let log = place.path().join("in.log");
    let lines: String = (0..RECORDS).map(|n| json!({ "n": n, "text": "grüße \"q\" \\" }).to_string() + "\n").collect();
    std::fs::write(&log, lines).unwrap();
    let text = format!(
        "    HTTP_Server on\n    HTTP_Port {pages}\n[INPUT]\n    Name tail\n    Tag app.log\n    Path {}\n    Parser json\n    \
         Read_from_Head on\n[OUTPUT]\n    Name cloudwatch_logs\n    Match *\n    region eu-west-1\n    log_group_name {}\n    \
         log_stream_prefix from-\n    auto_create_group on\n    endpoint http://127.0.0.1:{at}\n",
        log.display(),
        STREAM[0]
    );
    let wrong = credentials(place.path(), &user[0], "not-the-secret-of-this-key");
    let none = [("AWS_ACCESS_KEY_ID", ""), ("AWS_PROFILE", ""), ("AWS_SHARED_CREDENTIALS_FILE", &wrong)];
    let pipeline = Pipeline::start(place.path(), &text, &none);
    until("the wrong secret is refused", PATIENCE, || pipeline.running.stderr().contains("SignatureDoesNotMatch"));
    assert!(pipeline.running.stderr().contains("403"), "{}", pipeline.running.stderr());
    until("the refusal is counted", PATIENCE, || metrics(pages)["retries"].as_u64().is_some_and(|retries| retries > 0));
    // Refused, counted, and kept: with the right secret everything arrives.
    let counted = metrics(pages);
    assert_eq!((&counted["proc_records"], &counted["dropped_records"]), (&0.into(), &0.into()), "{counted}");
    credentials(place.path(), &user[0], &user[1]);
    until("everything is delivered", PATIENCE, || metrics(pages)["proc_records"] == RECORDS);
    pipeline.end();

    let events = read_back(at, &user);
    let messages = events.iter().map(|event| -> Value {
        assert!(event["timestamp"].as_u64().is_some_and(|ms| ms > 1_700_000_000_000), "{event}");
        serde_json::from_str(event["message"].as_str().unwrap()).unwrap()
    });
    each_once(
        "moto",
        RECORDS,
        messages.map(|record| {
            assert_eq!(record["text"], "grüße \"q\" \\", "{record}");
            record["n"].as_u64().unwrap()
        }),
    );
}

/// The figures of the only output.
fn metrics(port: u16) -> Value {
    let page: Value = serde_json::from_str(&super::stage::page(port, "/api/v1/metrics")).unwrap();
    page["output"]["cloudwatch_logs.0"].clone()
}
