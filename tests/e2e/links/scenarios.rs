//! The deployments over whose links the faults are laid: small, and each as its real ones would be configured.

/// What all have in common; the promise and how long is said by each.
fn head(measure: &str, delivery: &str) -> String {
    format!(
        r#"name = "written"
question = "Does it?"
[time]
warm_up = "500ms"
measure = "{measure}"
drain = "15s"
[load]
layout = "plain"
[[load.group]]
name = "web"
streams = 2
rate = "400/s"
body = "app-text"
[contract]
delivery = "{delivery}"
stall = "4s"
"#
    )
}

const SERVICE: &str = "[SERVICE]\n    Flush 0.1\n    Grace 5\n    storage.path ${STATE}/buffer\n";
const TAIL: &str =
    "[INPUT]\n    Name tail\n    Tag web\n    Path ${LOGS}/*.log\n    DB ${STATE}/tail.db\n    Read_from_Head On\n";
const ES: &str = "[OUTPUT]\n    Name es\n    Match *\n    Host 127.0.0.1\n    Port ${OUT}\n    Generate_ID On\n    \
                  Write_Operation create\n    Suppress_Type_Name On\n    Retry_Limit no_limits\n";

/// A fault: what, of which kind of target, from when, for how long.
pub(super) fn fault(what: &str, on: &str, at: &str, lasts: &str) -> String {
    format!("[[fault]]\ndo = {what}\n{on}\nat = \"{at}\"\nfor = \"{lasts}\"\n")
}

/// Files ▸ agent ▸ link "west" ▸ Elasticsearch; a link "spare" leads there as well, and nobody uses it.
pub(super) fn to_store(measure: &str, faults: &str) -> (String, Vec<(&'static str, String)>) {
    let head = head(measure, "exactly-once");
    let text = format!(
        r#"{head}
[[process]]
name = "agent"
config = "agent.conf"
env = {{ LOGS = "{{logs}}", STATE = "{{state}}", OUT = "{{link.west.port}}" }}
[[link]]
name = "west"
to = "{{sink.store.port}}"
[[link]]
name = "spare"
to = "{{sink.store.port}}"
[[route]]
name = "store"
sink = {{ kind = "elastic" }}
{faults}"#
    );
    (text, vec![("agent.conf", format!("{SERVICE}{TAIL}{ES}"))])
}

/// Files ▸ agent ▸ link "west" ▸ a server that takes whatever comes, copies too.
pub(super) fn to_server(measure: &str, faults: &str) -> (String, Vec<(&'static str, String)>) {
    let (text, _) = to_store(measure, faults);
    let text = text.replace("exactly-once", "at-least-once").replace("\"elastic\"", "\"http\"");
    let http = "[OUTPUT]\n    Name http\n    Match *\n    Host 127.0.0.1\n    Port ${OUT}\n    Format json_lines\n    Retry_Limit no_limits\n";
    (text, vec![("agent.conf", format!("{SERVICE}{TAIL}{http}"))])
}

/// Files ▸ forwarder ▸ link "west" ▸ aggregator ▸ Elasticsearch; the forwarder asks for acknowledgements or does not.
pub(super) fn forwarded(acks: bool, faults: &str) -> (String, Vec<(&'static str, String)>) {
    let head = head("3s", "exactly-once");
    let text = format!(
        r#"{head}
[[process]]
name = "aggregator"
config = "aggregator.conf"
env = {{ IN = "{{port.forward}}", STATE = "{{state}}", OUT = "{{sink.store.port}}" }}
[[process]]
name = "forwarder"
config = "forwarder.conf"
env = {{ LOGS = "{{logs}}", STATE = "{{state}}", OUT = "{{link.west.port}}" }}
[[link]]
name = "west"
to = "{{aggregator.port.forward}}"
[[route]]
name = "store"
sink = {{ kind = "elastic" }}
{faults}"#
    );
    let forward = format!(
        "[OUTPUT]\n    Name forward\n    Match *\n    Host 127.0.0.1\n    Port ${{OUT}}\n    Require_ack_response {acks}\n    Retry_Limit no_limits\n"
    );
    let takes = "[INPUT]\n    Name forward\n    Listen 127.0.0.1\n    Port ${IN}\n    Dedup_File ${STATE}/chunks.seen\n    storage.type filesystem\n";
    let beside = vec![
        ("forwarder.conf", format!("{SERVICE}{TAIL}{forward}")),
        ("aggregator.conf", format!("{SERVICE}{takes}{ES}")),
    ];
    (text, beside)
}

/// Files ▸ agent ▸ UDP link "west" ▸ syslog server.
pub(super) fn datagrams_out(faults: &str) -> (String, Vec<(&'static str, String)>) {
    let head = head("3s", "at-most-once");
    let text = format!(
        r#"{head}
[[process]]
name = "agent"
config = "agent.conf"
env = {{ LOGS = "{{logs}}", STATE = "{{state}}", OUT = "{{link.west.port}}" }}
[[link]]
name = "west"
to = "{{sink.syslog.port}}"
wire = "udp"
[[route]]
name = "syslog"
sink = {{ kind = "syslog-udp" }}
{faults}"#
    );
    let syslog = "[OUTPUT]\n    Name syslog\n    Match *\n    Host 127.0.0.1\n    Port ${OUT}\n    Mode udp\n    Syslog_Format rfc5424\n    \
                  Syslog_Message_Key log\n";
    (text, vec![("agent.conf", format!("{SERVICE}{TAIL}{syslog}"))])
}

/// Senders of the bench ▸ UDP link "west" ▸ agent ▸ a server.
pub(super) fn datagrams_in(faults: &str) -> (String, Vec<(&'static str, String)>) {
    let via = "body = \"app-text\"\nvia = { syslog = { to = \"127.0.0.1:{link.west.port}\", transport = \"udp\" } }\n";
    let head = head("3s", "at-least-once").replace("body = \"app-text\"\n", via) + "source_loss = \"counted\"\n";
    let text = format!(
        r#"{head}
[[process]]
name = "agent"
config = "agent.conf"
env = {{ STATE = "{{state}}", IN = "{{port.syslog}}", OUT = "{{sink.server.port}}" }}
[[link]]
name = "west"
to = "{{agent.port.syslog}}"
wire = "udp"
[[route]]
name = "server"
sink = {{ kind = "http", text = "message" }}
{faults}"#
    );
    let syslog = "[INPUT]\n    Name syslog\n    Tag web\n    Mode udp\n    Listen 127.0.0.1\n    Port ${IN}\n    Parser syslog-rfc3164\n";
    let http = "[OUTPUT]\n    Name http\n    Match *\n    Host 127.0.0.1\n    Port ${OUT}\n    Format json_lines\n    Retry_Limit no_limits\n";
    (text, vec![("agent.conf", format!("{SERVICE}{syslog}{http}"))])
}
