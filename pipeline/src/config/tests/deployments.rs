//! The configurations of the five deployments, as they are shipped.

use super::*;

fn load(name: &str) -> Config {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let env = |name: &str| {
        let value = match name {
            "LOGS" => "/var/log/containers",
            "STATE" => "/state",
            "OUTPUT" => "/log/output/path",
            "SOCKETS" => "/tmp/sidecar-nginx",
            "REGION" => "eu-central-1",
            "CLUSTER" => "blue",
            "SHARED_KEY" => "not so secret",
            "HOSTNAME" => "node-1",
            "KUBE_URL" => "http://127.0.0.1:8001",
            "KUBE_CA_FILE" => concat!(env!("CARGO_MANIFEST_DIR"), "/configs/parsers.conf"),
            "KUBE_TOKEN_FILE" => "/token",
            "KUBE_TAG_PREFIX" => "kube.var.log.containers.",
            "CLOUDWATCH_ENDPOINT" => "http://127.0.0.1:4566",
            "SINK_HOST" | "ES_HOST" | "SYSLOG_HOST" => "127.0.0.1",
            "SINK_PORT" | "ES_PORT" => "9200",
            "HTTP_PORT" => "2020",
            "ROTATE_WAIT" => "30",
            "PORT" | "AGGREGATOR_0_PORT" => "24224",
            "AGGREGATOR_1_PORT" => "24225",
            "AGGREGATOR_2_PORT" => "24226",
            "SYSLOG_PORT" => "514",
            "SYSLOG_MODE" => "tcp",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let config = Config::load(&folder.join(name), &env);
    config.unwrap_or_else(|error| panic!("failed to {error}"))
}

fn plan(name: &str) -> Plan {
    load(name).plan().unwrap_or_else(|error| panic!("failed to {error}"))
}

#[test]
fn every_deployment_is_understood() {
    for (name, inputs, filters, outputs) in [
        ("daemonset-tail.conf", 1, 0, 1),
        ("sidecar-syslog.conf", 1, 3, 2),
        ("eks-cloudwatch.conf", 1, 1, 1),
        ("forwarder.conf", 1, 0, 1),
        ("aggregator.conf", 1, 1, 1),
        ("elk-syslog.conf", 1, 1, 2),
        ("sidecar-fluentd.conf", 1, 1, 1),
    ] {
        let plan = plan(name);
        assert_eq!(
            (
                plan.inputs.len(),
                plan.filters.iter().filter(|filter| filter.input.is_none()).count(),
                plan.outputs.len()
            ),
            (inputs, filters, outputs),
            "{name}"
        );
    }
    // None is left out.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let names = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let parts = ["parsers.conf", "forwarder-upstream.conf"];
    assert_eq!(names.filter(|name| name.as_bytes().ends_with(b".conf") && !parts.contains(&name.as_str())).count(), 7);
}

#[test]
fn secrets_of_a_deployment_are_not_shown() {
    for name in ["forwarder.conf", "aggregator.conf"] {
        let config = load(name);
        config.plan().unwrap();
        let settled = config.settled();
        assert!(settled.contains("Shared_Key") && !settled.contains("not so secret"), "{settled}");
    }
}
