//! The two formats, files that include files, and variables.

use std::fs;

use tempfile::TempDir;

use super::*;

const CLASSIC: &str = "\
@SET logs=/var/log
[SERVICE]
    Flush            0.5
    HTTP_Server      on
    HTTP_Port        2021
    Health_Check     on

[MULTILINE_PARSER]
    name             stack
    type             regex
    flush_timeout    1000
    rule             \"start_state\" \"/^[A-Z]/\" \"cont\"
    rule             \"cont\" \"/^\\s+at/\" \"cont\"

[UPSTREAM]
    name             stores

[NODE]
    name             one
    host             127.0.0.1
    port             24224

[INPUT]
    Name             tail
    Path             ${logs}/*.log, ${logs}/x/*.log
    Tag              kube.*
    Alias            front
    Mem_Buf_Limit    5MB

[INPUT]
    Name             dummy
    Dummy            {\"a\":1}

[OUTPUT]
    Name             http
    Match_Regex      ^kube\\.
    Header           X-One 1
    Header           Authorization Bearer abc
    Log_Level        debug
";

const YAML: &str = r#"
pipeline:
  outputs:
    - name: http
      match_regex: '^kube\.'
      header: [X-One 1, Authorization Bearer abc]
      log_level: debug
  inputs:
    - name: tail
      path: ${logs}/*.log, ${logs}/x/*.log
      tag: kube.*
      alias: front
      mem_buf_limit: 5MB
    - name: dummy
      dummy: '{"a":1}'
service: &service
  flush: 0.5
  http_server: on
  http_port: 2021
  health_check: on
multiline_parsers:
  - name: stack
    type: regex
    flush_timeout: 1000
    rules:
      - {state: start_state, regex: '/^[A-Z]/', next_state: cont}
      - state: cont
        regex: ^\s+at
        next_state: cont
upstream_servers:
  - name: stores
    nodes:
      - name: one
        host: 127.0.0.1
        port: 24224
env:
  logs: /var/log
"#;

fn settled(path: &str, text: &str) -> String {
    let config = Config::parse(Path::new(path), text, &|_| None).unwrap();
    config.plan().unwrap();
    config.settled()
}

/// Without the places, which differ.
fn bare(text: &str) -> String {
    let lines = text.lines().map(|line| line.split(" # ").next().unwrap_or_default().trim_end());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn both_formats_that_say_the_same_mean_the_same() {
    let (classic, yaml) = (settled("a.conf", CLASSIC), settled("a.yaml", YAML));
    assert_eq!(bare(&classic), bare(&yaml));
    let plan = |path: &str, text: &str| Config::parse(Path::new(path), text, &|_| None).unwrap().plan().unwrap();
    assert_eq!(format!("{:?}", plan("a.conf", CLASSIC)), format!("{:?}", plan("a.yml", YAML)));
    // And they do mean something.
    assert!(format!("{:?}", plan("a.yaml", YAML)).contains("/var/log/x/*.log"));
}

#[test]
fn what_is_settled_is_shown_without_secrets() {
    insta::assert_snapshot!(settled("agent.conf", CLASSIC));
}

#[test]
fn an_error_in_yaml_names_the_line_of_the_value() {
    let text = YAML.replace("mem_buf_limit: 5MB", "mem_buf_limit: 5 pounds");
    let error = Config::parse(Path::new("a.yaml"), &text, &|_| None).unwrap().plan().unwrap_err().to_string();
    assert!(error.starts_with("use the configuration a.yaml:13: `mem_buf_limit` cannot be \"5 pounds\""), "{error}");
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tests");
    fs::create_dir_all(&target).unwrap();
    let folder = tempfile::tempdir_in(target).unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn load(folder: &TempDir, name: &str) -> Result<Plan, String> {
    let config = Config::load(&folder.path().join(name), &|_| None);
    let plan = config.and_then(|config| config.plan());
    plan.map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

#[test]
fn included_files_are_found_beside_the_file_that_names_them_in_order_and_in_either_format() {
    let input = |name: &str| format!("[INPUT]\nName tail\nPath ${{root}}/{name}\n");
    let folder = folder(&[
        ("main.conf", "@SET root=/r\n@INCLUDE in/*.conf\n@include in/c.yaml\n[OUTPUT]\nName null\nMatch *\n"),
        ("in/b.conf", &input("b")),
        ("in/a.conf", &format!("@INCLUDE deep/x.conf\n{}", input("a"))),
        ("in/deep/x.conf", &input("x")),
        ("in/.hidden.conf", "broken"),
        ("in/c.yaml", "pipeline: {inputs: [{name: tail, path: '${root}/c'}]}"),
    ]);
    let plan = load(&folder, "main.conf").unwrap();
    let paths: Vec<_> = plan.inputs.iter().map(|input| input.tail().unwrap().paths[0].clone()).collect();
    assert_eq!(paths, ["/r/x", "/r/a", "/r/b", "/r/c"]);
}

#[test]
fn keys_do_not_continue_a_section_behind_an_include() {
    let folder = folder(&[("a.conf", "[INPUT]\nName tail\n@INCLUDE b.conf\nPath /x\n"), ("b.conf", "# nothing\n")]);
    assert!(load(&folder, "a.conf").unwrap_err().contains("a.conf:4: the key `Path` stands before any section"));
}

#[test]
fn a_link_to_itself_is_a_cycle_too_and_a_folder_is_no_file() {
    let folder = folder(&[("a.conf", "@INCLUDE link.conf\n"), ("b.conf", "@INCLUDE sub\n"), ("sub/x", "")]);
    std::os::unix::fs::symlink("a.conf", folder.path().join("link.conf")).unwrap();
    assert!(
        load(&folder, "a.conf").unwrap_err().contains("a.conf:1: the files include each other: a.conf → link.conf")
    );
    assert!(load(&folder, "b.conf").unwrap_err().contains("b.conf:1: include sub: not a regular file"));
}

#[test]
fn includes_are_bounded() {
    let mut files = vec![("main.conf".to_owned(), "@INCLUDE d0/*.conf\n".to_owned())];
    files.extend((0..300).map(|n| (format!("d0/{n:03}.conf"), "# nothing\n".to_owned())));
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert!(load(&folder(&files), "main.conf").unwrap_err().contains("too many files"));
}

#[test]
fn values_of_parsers_stay_as_they_are() {
    let text = "[PARSER]\nName x\nFormat regex\nRegex ^(?<a>.)${1}\n";
    let config = Config::parse(Path::new("a.conf"), text, &|_| None).unwrap();
    assert_eq!(config.sections[0].value("regex"), Some("^(?<a>.)${1}"));
}

#[test]
fn variables_cannot_grow_without_end() {
    let mut text = format!("@SET a0={}\n", "x".repeat(64));
    for n in 1..40 {
        text.push_str(&format!("@SET a{n}=${{a{}}}${{a{}}}\n", n - 1, n - 1));
    }
    let error = Config::parse(Path::new("a.conf"), &text, &|_| None).unwrap_err().to_string();
    assert!(error.contains("longer than 64 KiB"), "{error}");
}

#[test]
fn aliases_are_values_like_any_other() {
    let text = "a: &x {name: dummy}\n";
    assert!(Config::parse(Path::new("a.yaml"), text, &|_| None).unwrap_err().to_string().contains("a.yaml:1"));
    let text = "pipeline:\n  inputs: [&x {name: dummy, alias: one}]\n  outputs: [{name: 'null', match: &m '*'}, {name: stdout, match: *m}]\n";
    assert_eq!(Config::parse(Path::new("a.yaml"), text, &|_| None).unwrap().plan().unwrap().outputs.len(), 2);
}

proptest::proptest! {
    #[test]
    fn no_yaml_makes_it_panic(text in "([a-z&*!|>{}\\[\\],:?#%@'\"-]{0,4}[ \n]{0,3}|\\PC{0,6}|inputs:|pipeline:|- name: tail|\n  ){0,40}") {
        let _ = Config::parse(Path::new("x.yaml"), &text, &|_| None).and_then(|config| config.plan());
    }

    #[test]
    fn no_depth_of_yaml_exhausts_the_stack(depth in 1usize..20_000) {
        for open in ["[", "{a: ", "- ", "? "] {
            let _ = Config::parse(Path::new("x.yaml"), &open.repeat(depth), &|_| None);
        }
    }
}
