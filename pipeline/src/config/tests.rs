use super::*;
use crate::config::plan::{Destination, Framing, RetryLimit};

const WHOLE: &str = "\
# an agent
[SERVICE]
    Flush             0.5
    Grace             7

[INPUT]
    Name              tail
    PATH              ${LOGS}/*.log, /b/*.log
    Tag               kube.*
    multiline.parser  cri
    Path_Key          file
    DB                /state/tail.db
    Mem_Buf_Limit     5MB
    Refresh_Interval  10

[OUTPUT]
    Name              http
    Host              127.0.0.1
    Port              8080
    URI               /records
    Format            json_lines
    Compress          gzip
    Header            X-Scope logs
    Header            X-Other two words
    Retry_Limit       no_limits
    Match             *
";

fn parse(text: &str) -> Result<Plan, ConfigError> {
    let env = |name: &str| (name == "LOGS").then(|| "/var/log".to_owned());
    Config::parse(Path::new("agent.conf"), text, &env)?.plan()
}

#[test]
fn a_whole_file_is_settled() {
    let plan = parse(WHOLE).unwrap();
    assert_eq!((plan.service.flush_ms, plan.service.grace_ms), (500, 7_000));
    assert_eq!(plan.inputs[0].buffer_bytes, 5_000_000);
    let input = plan.inputs[0].tail().unwrap();
    assert_eq!(input.paths, ["/var/log/*.log", "/b/*.log"]);
    assert_eq!((input.framing, &input.merge), (Framing::Cri, &None));
    assert_eq!(input.refresh_interval_ms, 10_000);
    assert_eq!(input.path_key.as_deref(), Some("file"));
    let output = &plan.outputs[0];
    assert_eq!((output.name.as_str(), output.retry), ("http.0", RetryLimit::Never));
    let Destination::Http(http) = &output.to else { panic!("not http") };
    assert!(http.gzip);
    assert_eq!(http.headers[1], ("X-Other".to_owned(), "two words".to_owned()));
}

fn minimal(input: &str, output: &str) -> String {
    format!("[INPUT]\nName tail\nPath /a\n{input}\n[OUTPUT]\nName null\nMatch *\n{output}\n")
}

#[test]
fn keys_that_adjust_what_there_is_not_are_taken_if_they_can_be_meant() {
    let plan = |service: &str, output: &str| {
        let text = format!(
            "[PLUGINS]\n# none\n[SERVICE]\n{service}\n[INPUT]\nName dummy\n[OUTPUT]\nName http\nMatch *\n{output}\n"
        );
        Config::parse(Path::new("x"), &text, &|_| None).unwrap().plan()
    };
    let service =
        "Coro_Stack_Size 24576\ndns.mode UDP\ndns.resolver LEGACY\njson.escape_unicode off\nHot_Reload.Timeout 5";
    let output = "net.dns.mode TCP\nnet.max_worker_connections 4\ntls.debug 1\nlog_suppress_interval 10s";
    plan(service, output).unwrap();
    for (service, output) in
        [("dns.mode FAST", ""), ("Coro_Stack_Size much", ""), ("", "net.tcp_keepalive 5"), ("", "tls.debug x")]
    {
        assert_eq!(plan(service, output).unwrap_err().line, if service.is_empty() { 10 } else { 4 });
    }
}

#[test]
fn every_mistake_names_its_line_and_what_to_do() {
    let table = [
        ("[INPUTS]", "agent.conf:1: there is no section `INPUTS`; did you mean `INPUT`?"),
        ("[INPUT", "agent.conf:1: the heading \"[INPUT\" is not closed"),
        ("Flush 1", "agent.conf:1: the key `Flush` stands before any section"),
        ("\n@INCLUDED x.conf", "agent.conf:2: there is no command `@INCLUDED`"),
        ("[PLUGINS]\nPath /x.so", "agent.conf:2: `a plugin of its own file` is not supported: plugins are not loaded"),
        ("[SERVICE]\nFlush", "agent.conf:2: the key `Flush` has no value"),
        ("[SERVICE]\nFlush 0", "agent.conf:2: `Flush` cannot be \"0\""),
        ("[SERVICE]\nFlush 99999999", "agent.conf:2: `Flush` cannot be"),
        ("[SERVICE]\nflsh 1", "agent.conf:2: there is no key `flsh`; did you mean `Flush`?"),
        ("[SERVICE]\nFlush 1\nFLUSH 2", "agent.conf:3: the key `FLUSH` is given again, first on line 2"),
        ("[SERVICE]\nLog_Level loud", "agent.conf:2: there is no Log_Level `loud`; known are off, error"),
        ("[SERVICE]\nGrace ${NOPE}", "agent.conf:2: the variable `NOPE` is not set"),
        ("[SERVICE]\nGrace ${LOGS", "agent.conf:2: a `${` is not closed"),
        ("[SERVICE]\nGrace \u{7}", "agent.conf:2: the control character '\\u{7}'"),
        ("[SERVICE]\n[SERVICE]", "agent.conf:2: there are two `[SERVICE]` sections"),
        ("", "agent.conf: there is no `[INPUT]` section"),
        ("[INPUT]\nPath /a", "agent.conf:1: the section has no `Name`"),
        ("[INPUT]\nName tali", "agent.conf:2: there is no input plugin `tali`; did you mean `tail`?"),
        ("[INPUT]\nName tail", "agent.conf:1: the section has no `Path`"),
        ("[INPUT]\nName tail\nPath /a", "agent.conf: there is no `[OUTPUT]` section"),
        ("[OUTPUT]\nName htpp\nMatch *", "agent.conf:2: there is no output plugin `htpp`; did you mean `http`?"),
        ("[OUTPUT]\nName http", "agent.conf:1: the section has no `Match`"),
        ("[OUTPUT]\nName http\nMatch *\nPort 0", "agent.conf:4: `Port` cannot be \"0\""),
        ("[OUTPUT]\nName http\nMatch *\ntls maybe", "agent.conf:4: `tls` cannot be \"maybe\""),
        ("[OUTPUT]\nName http\nMatch *\nURI a b", "agent.conf:4: `URI` cannot be \"a b\""),
        ("[OUTPUT]\nName http\nMatch *\nHeader Host x", "agent.conf:4: `Header` cannot be \"Host x\""),
        ("[OUTPUT]\nName http\nMatch *\nRetry_Limit -1", "agent.conf:4: `Retry_Limit` cannot be \"-1\""),
        ("[OUTPUT]\nName file\nMatch *\nPath /o\nFile ../x", "agent.conf:5: `File` cannot be \"../x\""),
    ];
    for (text, expected) in table {
        let error = parse(text).expect_err(text).to_string();
        assert!(error.starts_with(&format!("use the configuration {expected}")), "{text:?}\n gave {error}");
    }
}

#[test]
fn absurd_input_settings_are_refused() {
    for bad in [
        "Mem_Buf_Limit 0",
        "Mem_Buf_Limit 999999G",
        "Refresh_Interval 0",
        "Rotate_Wait 0",
        "Buffer_Chunk_Size 1",
        "Buffer_Chunk_Size 64k\nBuffer_Max_Size 32k",
        "Parser cri\nmultiline.parser docker",
        "Read_from_Head maybe",
        "Tag two words",
        "Exclude_Path ,",
    ] {
        parse(&minimal(bad, "")).expect_err(bad);
    }
    parse(&minimal("", "")).unwrap();
}

#[test]
fn two_inputs_never_share_their_checkpoints() {
    let text = format!("{}{}", minimal("DB /d", ""), minimal("DB /d", ""));
    assert!(parse(&text).unwrap_err().to_string().contains("two inputs share one `DB`"));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(\\[[A-Z]{0,7}\\]?|[A-Za-z_. ]{0,12} ?[0-9kM*/${}-]{0,8}|\\PC{0,20}|\n){0,30}") {
        let _ = parse(&text);
    }
}

mod broken;
mod deployments;
mod formats;
