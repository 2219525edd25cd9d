//! promtool, Prometheus's own judge of what a page of metrics must look like.

use std::{fs::File, process::Stdio};

use super::stage::{PATIENCE, Pipeline, page, port, program, there};
use crate::support::{place, until};

/// An input, filter and output of each kind that has figures of its own.
fn everything(place: &std::path::Path, pages: u16) -> String {
    let at = place.display();
    std::fs::write(place.join("in.log"), "one\ntwo\n").unwrap();
    format!(
        "    HTTP_Server on\n    HTTP_Port {pages}\n    Health_Check on\n[INPUT]\n    Name tail\n    Tag app\n    Path {at}/in.log\n    \
         Read_from_Head on\n[INPUT]\n    Name dummy\n    Tag dummy\n    Rate 100\n    Alias front-door\n[INPUT]\n    Name syslog\n    Mode udp\n    \
         Port {}\n    Tag logger\n[FILTER]\n    Name grep\n    Match app\n    Exclude log two\n[OUTPUT]\n    Name null\n    Match *\n\
         [OUTPUT]\n    Name http\n    Match dummy\n    Port 1\n    Retry_Limit no_retries\n",
        port()
    )
}

#[test]
fn promtool_has_nothing_to_say_about_our_metrics() {
    if !there("promtool", &["--version"], "promtool (prometheus)") {
        return;
    }
    let place = place();
    let pages = port();
    let pipeline = Pipeline::start(place.path(), &everything(place.path(), pages), &[]);
    let row = "fluentbit_input_records_total{name=\"front-door\"}";
    until("the figures are there", PATIENCE, || page(pages, "/api/v1/metrics/prometheus").contains(row));
    for path in ["/api/v1/metrics/prometheus", "/api/v2/metrics/prometheus"] {
        let text = page(pages, path);
        assert!(text.contains(row), "{path}: {text}");
        let file = place.path().join("page.txt");
        std::fs::write(&file, &text).unwrap();
        let mut promtool = program("promtool");
        let judged =
            promtool.args(["check", "metrics"]).stdin(Stdio::from(File::open(file).unwrap())).output().unwrap();
        let said = [judged.stdout, judged.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
        assert!(judged.status.success() && said.trim().is_empty(), "{path}: {said}\n{text}");
    }
    drop(pipeline);
}
