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
/// Elasticsearch, exactly once.
const ES: &str = "    Generate_ID On\n    Write_Operation create\n    Suppress_Type_Name On\n";
const JSON_LINES: &str = "    Format json_lines\n";

/// The variables of a process that tails files and sends what they hold over the link "west".
const FILES_TO_WEST: &str = r#"LOGS = "{logs}", STATE = "{state}", OUT = "{link.west.port}""#;

/// A process, named as its configuration is, and its variables.
fn process(name: &str, env: &str) -> String {
    format!("[[process]]\nname = \"{name}\"\nconfig = \"{name}.conf\"\nenv = {{ {env} }}\n")
}

/// A link that leads to a placeholder's port.
fn link(name: &str, to: &str, wire: &str) -> String {
    format!("[[link]]\nname = \"{name}\"\nto = \"{{{to}}}\"\nwire = \"{wire}\"\n")
}

/// Where the records are looked for.
fn route(name: &str, sink: &str) -> String {
    format!("[[route]]\nname = \"{name}\"\nsink = {{ {sink} }}\n")
}

/// An output of an agent over the variable OUT, which never gives up.
fn output(name: &str, keys: &str) -> String {
    format!(
        "[OUTPUT]\n    Name {name}\n    Match *\n    Host 127.0.0.1\n    Port ${{OUT}}\n    Retry_Limit no_limits\n{keys}"
    )
}

/// A fault: what, of which kind of target, from when, for how long.
pub(super) fn fault(what: &str, on: &str, at: &str, lasts: &str) -> String {
    format!("[[fault]]\ndo = {what}\n{on}\nat = \"{at}\"\nfor = \"{lasts}\"\n")
}

/// Files ▸ agent ▸ link "west" ▸ a sink; a link "spare" leads there as well, and nobody uses it.
fn to_sink(
    head: String,
    (sink, kind): (&str, &str),
    output: &str,
    faults: &str,
) -> (String, Vec<(&'static str, String)>) {
    let port = format!("sink.{sink}.port");
    let text = [
        head,
        process("agent", FILES_TO_WEST),
        link("west", &port, "tcp"),
        link("spare", &port, "tcp"),
        route(sink, &format!("kind = \"{kind}\"")),
        faults.to_owned(),
    ];
    (text.concat(), vec![("agent.conf", format!("{SERVICE}{TAIL}{output}"))])
}

/// The sink is Elasticsearch, which takes everything once.
pub(super) fn to_store(measure: &str, faults: &str) -> (String, Vec<(&'static str, String)>) {
    to_sink(head(measure, "exactly-once"), ("store", "elastic"), &output("es", ES), faults)
}

/// The sink is a server that takes whatever comes, copies too.
pub(super) fn to_server(measure: &str, faults: &str) -> (String, Vec<(&'static str, String)>) {
    to_sink(head(measure, "at-least-once"), ("server", "http"), &output("http", JSON_LINES), faults)
}

/// The same, where no copy may ever come; what was answered counts as on its way for two seconds.
pub(super) fn to_strict_server(measure: &str, faults: &str) -> (String, Vec<(&'static str, String)>) {
    let head = head(measure, "exactly-once") + "settle = \"2s\"\n";
    to_sink(head, ("server", "http"), &output("http", JSON_LINES), faults)
}

/// Files ▸ forwarder ▸ link "west" ▸ aggregator ▸ Elasticsearch; the forwarder asks for acknowledgements or does not.
pub(super) fn forwarded(acks: bool, faults: &str) -> (String, Vec<(&'static str, String)>) {
    let text = [
        head("3s", "exactly-once"),
        process("aggregator", r#"IN = "{port.forward}", STATE = "{state}", OUT = "{sink.store.port}""#),
        process("forwarder", FILES_TO_WEST),
        link("west", "aggregator.port.forward", "tcp"),
        route("store", r#"kind = "elastic""#),
        faults.to_owned(),
    ];
    let forward = output("forward", &format!("    Require_ack_response {acks}\n"));
    let takes = "[INPUT]\n    Name forward\n    Listen 127.0.0.1\n    Port ${IN}\n    Dedup_File ${STATE}/chunks.seen\n    storage.type filesystem\n";
    let beside = vec![
        ("forwarder.conf", format!("{SERVICE}{TAIL}{forward}")),
        ("aggregator.conf", format!("{SERVICE}{takes}{}", output("es", ES))),
    ];
    (text.concat(), beside)
}

/// Files ▸ agent ▸ UDP link "west" ▸ syslog server.
pub(super) fn datagrams_out(faults: &str) -> (String, Vec<(&'static str, String)>) {
    let text = [
        head("3s", "at-most-once"),
        process("agent", FILES_TO_WEST),
        link("west", "sink.syslog.port", "udp"),
        route("syslog", r#"kind = "syslog-udp""#),
        faults.to_owned(),
    ];
    let syslog = output("syslog", "    Mode udp\n    Syslog_Format rfc5424\n    Syslog_Message_Key log\n");
    (text.concat(), vec![("agent.conf", format!("{SERVICE}{TAIL}{syslog}"))])
}

/// Senders of the bench ▸ UDP link "west" ▸ agent ▸ a server.
pub(super) fn datagrams_in(faults: &str) -> (String, Vec<(&'static str, String)>) {
    let via = "body = \"app-text\"\nvia = { syslog = { to = \"127.0.0.1:{link.west.port}\", transport = \"udp\" } }\n";
    let text = [
        head("3s", "at-least-once").replace("body = \"app-text\"\n", via),
        "source_loss = \"counted\"\n".to_owned(),
        process("agent", r#"STATE = "{state}", IN = "{port.syslog}", OUT = "{sink.server.port}""#),
        link("west", "agent.port.syslog", "udp"),
        route("server", r#"kind = "http", text = "message""#),
        faults.to_owned(),
    ];
    let syslog = "[INPUT]\n    Name syslog\n    Tag web\n    Mode udp\n    Listen 127.0.0.1\n    Port ${IN}\n    Parser syslog-rfc3164\n";
    (text.concat(), vec![("agent.conf", format!("{SERVICE}{syslog}{}", output("http", JSON_LINES)))])
}
