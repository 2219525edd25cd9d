//! Configurations of `tail`, from the text to what is delivered.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    config::Config,
    service::{Ended, Service},
};

fn place() -> tempfile::TempDir {
    let target = std::env::current_exe().unwrap().parent().unwrap().canonicalize().unwrap();
    tempfile::tempdir_in(target).unwrap()
}

fn why(keys: &str) -> String {
    let text = format!("[INPUT]\nName tail\nPath /x/*.log\n{keys}\n[OUTPUT]\nName null\nMatch *\n");
    match Config::parse(Path::new("x"), &text, &|_| None).unwrap().plan() {
        Ok(_) => "taken".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// What a pipeline delivers of some files before it ends by itself, by tag.
fn delivered(sections: &str, keys: &str, files: &[(&str, &str)]) -> BTreeMap<String, String> {
    let place = place();
    let (logs, out) = (place.path().join("logs"), place.path().join("out"));
    fs::create_dir_all(&logs).unwrap();
    fs::create_dir_all(&out).unwrap();
    for (name, text) in files {
        fs::write(logs.join(name), text).unwrap();
    }
    let text = format!(
        "[SERVICE]\nFlush 0.01\nGrace 60\n{sections}\n[INPUT]\nName tail\nPath {logs}/*\nRead_from_Head on\nExit_On_Eof on\n\
         Refresh_Interval 1\n{keys}\n[OUTPUT]\nName file\nMatch *\nPath {out}\nFormat plain\n",
        logs = logs.display(),
        out = out.display()
    );
    let plan =
        Config::parse(Path::new("x"), &text, &|_| None).unwrap().plan().unwrap_or_else(|error| panic!("{error}"));
    let service = Service::start(&plan, None).unwrap();
    let (stop, (tell, told)) = (service.stop(), std::sync::mpsc::channel());
    let running = std::thread::spawn(move || {
        let ended = service.run(None).unwrap();
        let _ = tell.send(());
        ended
    });
    if told.recv_timeout(std::time::Duration::from_secs(30)).is_err() {
        stop.ask();
        panic!("it does not end by itself");
    }
    assert_eq!(running.join().unwrap(), Ended::Drained);
    let read =
        |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap());
    fs::read_dir(&out).unwrap().map(|entry| read(entry.unwrap())).collect()
}

fn one(sections: &str, keys: &str, text: &str) -> String {
    let mut all = delivered(sections, &format!("Tag t\n{keys}"), &[("a.log", text)]);
    all.remove("t").unwrap_or_default()
}

#[test]
fn docker_and_cri_are_told_apart_by_file_and_texts_in_pieces_are_joined() {
    let cri = "2026-11-21T05:50:01.5Z stdout P one \n2026-11-21T05:50:01.6Z stdout F two\n";
    let docker = "{\"log\":\"three \",\"stream\":\"stderr\",\"time\":\"2026-11-21T05:50:02Z\"}\n\
                  {\"log\":\"four\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-21T05:50:02Z\"}\n";
    let keys = "multiline.parser docker, cri\nTag_Regex (?<name>[a-z]+)\\.log$\nTag k.<name>";
    let all = delivered("", keys, &[("c.log", cri), ("d.log", docker)]);
    assert!(all["k.c"].contains("\"_p\":\"F\"") && all["k.c"].contains("\"log\":\"one two\""), "{all:?}");
    assert!(all["k.d"].contains("\"stream\":\"stderr\"") && all["k.d"].contains("three four"), "{all:?}");
    assert_eq!(all.len(), 2);
    assert_eq!(all.values().map(|text| text.lines().count()).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn own_rules_join_lines_and_a_parser_makes_fields_of_what_they_joined() {
    let sections = "[MULTILINE_PARSER]\nname mine\ntype regex\nrule \"start_state\" \"/^\\d+ /\" \"cont\"\n\
                    rule \"cont\" \"/^\\s/\" \"cont\"\n\
                    [PARSER]\nName num\nFormat regex\nRegex ^(?<n>\\d+) (?<rest>(?m:.*))$\nTypes n:integer\n";
    let text = "1 first\n  at a\n  at b\n2 second\nno number\n";
    let joined = one(sections, "multiline.parser mine", text);
    let lines: Vec<_> = joined.lines().collect();
    assert!(
        lines.len() == 3 && lines[0].contains("1 first\\n  at a\\n  at b") && lines[2].contains("no number"),
        "{joined}"
    );
    let parsed = one(sections, "multiline.parser mine\nParser num\nOffset_Key at", text);
    let lines: Vec<_> = parsed.lines().collect();
    assert!(
        lines[0].contains("\"n\":1,\"rest\":\"first\\n  at a\\n  at b\"") && lines[0].contains("\"at\":0"),
        "{parsed}"
    );
    assert!(lines[1].contains("\"n\":2") && lines[2].contains("\"log\":\"no number\""), "{parsed}");
}

/// Seen with Fluent Bit 5.1.1, but for the lines before the first one that begins a record.
#[test]
fn a_first_line_makes_fields_and_the_lines_behind_it_go_on_in_the_last_of_them() {
    let sections = "[PARSER]\nName first\nFormat regex\nRegex ^(?<d>\\d{4}-\\S+) (?<log>.*)$\n\
                    [PARSER]\nName at\nFormat regex\nRegex ^at (?<at>.*)$\n";
    let text = "early\n2026-01-01 a\n  b\nat c\nd\n2026-01-02 e\n";
    let keys = "Multiline on\nMultiline_Flush 1\nParser_Firstline first\nOffset_Key o";
    let early = r#"{"log":"early","o":0}"#;
    let last = r#"{"d":"2026-01-02","log":"e","o":30}"#;
    let lines = |keys: &str| one(sections, keys, text).lines().map(ToOwned::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(keys), [early, r#"{"d":"2026-01-01","log":"a\n  b\nat c\nd","o":6}"#, last]);
    let keys = format!("{keys}\nParser_1 at");
    assert_eq!(lines(&keys), [early, r#"{"d":"2026-01-01","log":"a\n  b","at":"c\nd","o":6}"#, last]);
}

/// Seen with Fluent Bit 5.1.1.
#[test]
fn a_parser_of_the_configuration_counts_even_if_it_is_called_docker_or_cri() {
    let docker = "[PARSER]\nName docker\nFormat json\nTime_Key time\nTime_Format %Y-%m-%dT%H:%M:%S.%L\nTime_Keep on\n";
    let piece = r#"{"log":"half ","stream":"stdout","time":"2026-11-21T05:50:02.1Z"}"#;
    let end = r#"{"log":"end\n","stream":"stdout","time":"2026-11-21T05:50:03Z","attrs":{"tag":"x"}}"#;
    let text = format!("{piece}\n{end}\n");
    assert_eq!(one(docker, "Parser docker", &text), text);
    let joined = one(docker, "Parser docker\nDocker_Mode on", &text);
    assert!(joined.contains(r#""log":"half end\n""#) && joined.lines().count() == 1, "{joined}");
    // Further fields are those of the first piece, as its time is.
    let alone = one("", "Docker_Mode on", &format!("{end}\n"));
    assert_eq!(
        alone,
        "{\"time\":\"2026-11-21T05:50:03Z\",\"stream\":\"stdout\",\"log\":\"end\\n\",\"attrs\":{\"tag\":\"x\"}}\n"
    );
    let cri =
        "[PARSER]\nName cri\nFormat regex\nRegex ^(?<time>[^ ]+) (?<stream>[^ ]+) (?<logtag>[^ ]*) (?<message>.*)$\n";
    let text = "2026-11-21T05:50:01.5Z stdout P one \n2026-11-21T05:50:01.6Z stdout F two\r\n";
    let parsed = one(cri, "Parser cri", text);
    assert!(
        parsed.contains(r#""logtag":"P","message":"one ""#) && parsed.contains(r#""logtag":"F","message":"two""#),
        "{parsed}"
    );
}

#[test]
fn empty_lines_go_only_when_that_is_asked_for() {
    // Seen with Fluent Bit 5.1.1: blanks are text, and so is a carriage return that is all there is.
    let text = "{\"a\":1}\n\n \n\r\n{\"a\":2}\r\n";
    assert_eq!(one("", "Parser json", text).lines().count(), 5);
    let kept = one("", "Parser json\nSkip_Empty_Lines on", text);
    assert_eq!(kept, "{\"a\":1}\n{\"log\":\" \"}\n{\"a\":2}\n");
}

#[test]
fn old_files_are_not_begun() {
    let young = delivered("", "Tag *\nIgnore_Older 1h", &[("a.log", "x\n")]);
    assert_eq!(young.len(), 1);
    let place = place();
    let path = place.path().join("old.log");
    fs::write(&path, "old\n").unwrap();
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::options().append(true).open(&path).unwrap().set_modified(old).unwrap();
    for (ignore, followed) in [(None, 1), (Some(3_600_000), 0)] {
        for pattern in [path.clone(), place.path().join("*.log")] {
            let plan = crate::input::tail::TailPlan {
                ignore_older_ms: ignore,
                started_ns: 1_700_000_000_000_000_000,
                ..crate::input::tail::TailPlan::new(vec![pattern.display().to_string()])
            };
            let mut tailer = crate::input::tail::Tailer::new(plan, Vec::new(), None);
            let mut disk = crate::os::LinuxDisk::new();
            while !matches!(tailer.step(&mut disk, 1, 1 << 20), crate::input::tail::Step::Idle { .. }) {}
            assert_eq!(tailer.status().len(), followed, "{ignore:?} {pattern:?}");
        }
    }
}

#[test]
fn every_key_is_taken_or_refused_with_what_to_write_instead() {
    let taken = "DB.locking on\nDB.journal_mode WAL\nDB.compare_filename on\nWatcher_Interval 2s\nProgress_Check_Interval 2\n\
                 Static_Batch_Size 50M\nFile_Cache_Advise off\nDocker_Mode on\nDocker_Mode_Flush 4\nMultiline off\n\
                 Parser docker\nmultiline.parser docker\nthreaded on\nIgnore_Older 0\nTag_Regex (?<a>x)\nTag y.<a>\n\
                 storage.pause_on_chunks_overlimit off\nParser_1 nginx\nRead_Newly_Discovered_Files_From_Head on";
    assert_eq!(why(taken), "taken");
    let refused = [
        ("Multiline on", "the section has no `Parser_Firstline`"),
        ("Multiline on\nParser_Firstline json", "a parser with `Format regex`"),
        ("Multiline on\nParser_Firstline nginx\nmultiline.parser java", "both say which lines belong together"),
        ("Multiline on\nParser_Firstline nginx\nmultiline.parser cri", "both say which lines belong together"),
        ("Docker_Mode on\nParser nginx", "it would have to parse lines that are joined already"),
        ("Read_Newly_Discovered_Files_From_Head off", "would be lost; remove it"),
        ("Docker_Mode_Parser x", "use `multiline.parser docker`"),
        ("Unicode.Encoding auto", "convert them where they are written"),
        ("Parser cri\nmultiline.parser docker", "give different framings; keep one"),
        ("multiline.parser cri, java", "put a `multiline` filter behind this input"),
        ("Parser nginy", "did you mean `nginx`?"),
        ("multiline.parser jawa", "did you mean `java`?"),
        ("Tag_Regex (", "unclosed group"),
        ("Static_Batch_Size much", "`Static_Batch_Size` cannot be \"much\""),
        ("DB.journal_mode FAST", "there is no DB.journal_mode `FAST`"),
        ("Rotate_Wiat 5", "did you mean `Rotate_Wait`?"),
    ];
    for (keys, expected) in refused {
        assert!(why(keys).contains(expected), "{keys}: {}", why(keys));
    }
    let gz = "[INPUT]\nName tail\nPath /x/*.gz\n[OUTPUT]\nName null\nMatch *\n";
    let error = Config::parse(Path::new("x"), gz, &|_| None).unwrap().plan().unwrap_err().to_string();
    assert!(error.contains("a Path of .gz files` is not supported"), "{error}");
}
