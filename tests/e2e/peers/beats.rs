//! pylogbeat, a lumberjack 2 client: compressed windows, each answered before the next is sent.

use super::stage::{PATIENCE, Pipeline, each_once, papers, port, script, there};
use crate::support::{place, start_command};

const RECORDS: u64 = 300;

#[test]
fn pylogbeat_is_answered_plain_and_over_tls() {
    if !there("python3", &["-c", "import pylogbeat"], "pylogbeat (PyPI)") {
        return;
    }
    let place = place();
    let [ca, crt, key] = papers(place.path());
    let (plain, tls) = (port(), port());
    let pipeline = Pipeline::taking(
        place.path(),
        &format!(
            "[INPUT]\n    Name beats\n    Port {plain}\n    Tag plain\n[INPUT]\n    Name beats\n    Port {tls}\n    \
             Tag tls\n    tls on\n    tls.crt_file {crt}\n    tls.key_file {key}\n"
        ),
    );
    for (port, ca, tag) in [(plain, "-", "plain"), (tls, ca.as_str(), "tls")] {
        let mut command = script("python3", "beats.py");
        command.args([&port.to_string(), &RECORDS.to_string(), "70", ca]);
        let ended = start_command(command, format!("beats.py {tag}")).wait(PATIENCE).expect(0);
        assert_eq!(ended.stdout.trim(), RECORDS.to_string());
        // It was answered, so it is there: nothing is waited for.
        let records = pipeline.records(tag);
        each_once(tag, RECORDS, records.iter().map(|record| record["n"].as_u64().unwrap()));
        for record in &records {
            assert_eq!(record["message"], format!("grüße {}", record["n"]), "{tag}: {record}");
        }
    }
    pipeline.end();
}
