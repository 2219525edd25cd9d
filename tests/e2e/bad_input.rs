//! What a person may get wrong is answered with an exit code, the place, and what to do; never with a panic.

use std::path::Path;

use crate::support::{Ended, live, place, reuses_inodes, run, run_folders, skipped, start, tailproof};

/// A command, its exit code, and words that its answer must have.
type Case<'a> = (&'a [&'a str], i32, &'a [&'a str]);

/// Performs each command; `{out}` stands for a folder of the test.
fn hold(out: &Path, cases: &[Case<'_>]) {
    let out = out.display().to_string();
    let mut failures = Vec::new();
    for (args, code, words) in cases {
        let args: Vec<String> = args.iter().map(|arg| arg.replace("{out}", &out)).collect();
        let ended = tailproof(&args);
        let missing: Vec<&str> = words.iter().copied().filter(|word| !ended.complains_of(word)).collect();
        if ended.code != *code || !missing.is_empty() {
            failures.push(format!("expected exit {code}, missing {missing:?}\n{ended}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(run_folders(Path::new(&out)).iter().all(|run| !run.join("run.json").exists()), "nothing was started");
}

fn says(ended: &Ended, words: &[&str]) {
    for word in words {
        assert!(ended.complains_of(word), "{word}: {ended}");
    }
}

#[test]
fn a_misspelt_command_line_is_met_with_what_would_be_right() {
    let out = place();
    hold(
        out.path(),
        &[
            (&["run", "tail-stal", "--out", "{out}"], 2, &["did you mean `tail-stall`?"]),
            (&["run", "nothing-like-it", "--out", "{out}"], 2, &["tailproof list"]),
            (&["run", "steady", "--defect", "nope", "--out", "{out}"], 2, &["`nope`", "tailproof defects"]),
            (&["run", "steady", "--agent", "nope", "--out", "{out}"], 2, &["`nope`", "builtin"]),
            (&["run", "steady", "--duration", "0s", "--out", "{out}"], 2, &["a run of no length proves nothing"]),
            (&["run", "steady", "--duration", "-1s", "--out", "{out}"], 2, &["--help"]),
            (&["run", "steady", "--duration", "5 years", "--out", "{out}"], 2, &["--duration", "ms, s, min, h"]),
            (&["run", "steady", "--rate", "0/s", "--out", "{out}"], 2, &["--rate", "above 0"]),
            (&["run", "steady", "--rate", "NaN/s", "--out", "{out}"], 2, &["--rate"]),
            (&["run", "steady", "--set", "x", "--out", "{out}"], 2, &["--set x", "no `=`"]),
            (&["run", "steady", "--repeat", "0", "--out", "{out}"], 2, &["1..=10000"]),
            (&["run", "steady", "--seed", "x", "--out", "{out}"], 2, &["--seed"]),
            (&["run"], 2, &["SCENARIO"]),
            (&["run", "--all", "steady"], 2, &["--all"]),
            (&["runn"], 2, &["run"]),
            (&["capacity", "steady", "--svg", "{out}/nowhere/x.svg", "--out", "{out}"], 2, &["nowhere/x.svg"]),
            (&["check", "nowhere/x.toml"], 2, &["nowhere/x.toml"]),
            (&["show", "stedy"], 2, &["did you mean `steady`?"]),
        ],
    );
}

#[test]
fn a_wrong_scenario_is_shown_with_file_line_and_caret() {
    let out = place();
    let path = out.path().join("mine.toml").display().to_string();
    let steady = ::scenarios::library::find("steady").unwrap().text;
    for (find, write, words) in [
        ("question =", "queston =", &["unknown field `queston`", "`question`", "───"][..]),
        ("measure = \"8s\"", "measure = \"0s\"", &["time.measure", "a run of no length"]),
        ("streams = 8", "streams = 70000", &["70000"]),
        ("rate = \"20k/s\"", "rate = \"20 parsecs\"", &["parsecs", "M/s"]),
        ("ordered = true", "ordered = yes", &["yes"]),
        ("layout = \"plain\"", "layout = \"flat\"", &["flat", "plain"]),
        ("drain = \"10s\"", "drain = \"3s\"", &["time.drain", "stall"]),
        ("min_rate = \"20k/s\"", "min_rate = \"30k/s\"", &["contract.min_rate", "load more"]),
        ("[contract]", "[contract.proof]\narchives = 1\n[contract]", &["contract.proof.archives", "archive = true"]),
        ("layout = \"plain\"", "layout = \"plain\"\n[[swap]]\nhow = \"atomic\"\nevery = \"1s\"", &["swap.0.how"]),
        ("[contract]", "[[fault]]\ndo = \"hang\"\nat = \"9s\"\nfor = \"1s\"\n[contract]", &["fault.0.at", "never"]),
        ("[contract]", "[contract", &["mine.toml"]),
    ] {
        let wrong = steady.replacen(find, write, 1);
        assert_ne!(wrong, steady, "{find} is in the scenario");
        let line = 1 + wrong[..wrong.find(write).unwrap()].matches('\n').count();
        std::fs::write(&path, &wrong).unwrap();
        for verb in ["check", "show", "run"] {
            let ended = tailproof(&[verb, &path]).expect(2);
            let near = (line.saturating_sub(1)..=line + write.matches('\n').count() + 1)
                .any(|line| ended.stderr.contains(&format!("mine.toml:{line}:")));
            assert!(near, "the line is {line}: {ended}");
            says(&ended, words);
        }
    }
}

#[test]
fn a_file_that_is_no_scenario_is_refused() {
    let out = place();
    let file = |name: &str, content: &[u8]| {
        let path = out.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    for (path, word) in [
        (file("empty.toml", b""), "missing field"),
        (file("binary.toml", b"name = \"\xff\xfe\""), "UTF-8"),
        (file("nul.toml", &[0; 4096]), "nul.toml"),
        (file("huge.toml", &vec![b'#'; 2 << 20]), "more than"),
        (file("deep.toml", format!("a = {}", "[".repeat(50_000)).as_bytes()), "deep.toml"),
        (out.path().display().to_string() + "/", "not a regular file"),
    ] {
        let ended = tailproof(&["check", &path]).expect(2);
        assert!(ended.complains_of(word), "{word}: {ended}");
    }
}

#[test]
fn what_a_file_says_is_quoted_and_never_obeyed_by_the_terminal() {
    let out = place();
    let (scenario, folder) = (out.path().join("mine.toml"), out.path().display().to_string());
    let steady = ::scenarios::library::find("steady").unwrap().text;
    // As it is, in a file that is wrong; and written as an escape, in one that is right.
    for (find, write) in [
        ("name =", "# \u{1b}]0;owned\u{7}\u{202e}\nnaem ="),
        ("question = \"", "question = \"\\u001B]0;owned\\u0007\\u202E"),
        ("layout = \"plain\"", "layout = \"\\u001B]0;owned\""),
    ] {
        let text = steady.replacen(find, write, 1);
        assert_ne!(text, steady);
        std::fs::write(&scenario, text).unwrap();
        let scenario = scenario.display().to_string();
        tells_harmlessly(&tailproof(&["check", &scenario]));
        let full = ["--rate", "90M/s", "--duration", "24h"];
        tells_harmlessly(&tailproof(&[&["run", &scenario, "--out", &folder], &full[..]].concat()).expect(2));
    }
    let run = out.path().join("run");
    std::fs::create_dir(&run).unwrap();
    for manifest in ["{\"schema\": 1, \"\\u001b]0;owned\\u202e\": 2}", "{\"schema\": 1, \"state\": \"\\u001b[2J\"}"] {
        std::fs::write(run.join("run.json"), manifest).unwrap();
        tells_harmlessly(&tailproof(&["report", &run.display().to_string()]).expect(2));
    }
}

fn tells_harmlessly(ended: &Ended) {
    let harmful = ended.stderr.find(['\u{1b}', '\u{7}', '\u{202e}']);
    assert!(!ended.stderr.is_empty() || ended.code == 0, "{ended}");
    assert_eq!(harmful, None, "{:?}", ended.stderr);
}

#[test]
fn a_scenario_that_cannot_be_performed_keeps_no_other_from_it() {
    let _live = live();
    let out = place();
    let folder = out.path().display().to_string();
    let steady = ::scenarios::library::find("steady").unwrap().text;
    let file = |name: &str, measure: &str, rate: &str| {
        let path = out.path().join(name);
        let text = steady.replacen("measure = \"8s\"", &format!("measure = \"{measure}\""), 1);
        std::fs::write(&path, text.replacen("rate = \"20k/s\"", &format!("rate = \"{rate}\""), 1)).unwrap();
        path.display().to_string()
    };
    let (endless, short) = (file("endless.toml", "24h", "90M/s"), file("short.toml", "1s", "2k/s"));
    let args = ["run", &endless, &short, "--repeat", "2", "--set", "contract.min_rate=1k/s", "--out", &folder];
    let ended = start(&args).wait(180).expect(2);
    assert_eq!(ended.stderr.matches("MB free").count(), 1, "{ended}");
    assert_eq!(ended.stdout.matches("tailproof verdict=").count(), 2, "{ended}");
}

#[test]
fn a_place_that_cannot_hold_the_run_is_refused_with_the_numbers() {
    let out = place();
    let file = out.path().join("in-the-way");
    std::fs::write(&file, "a file, not a folder").unwrap();
    // Write protection is not tried: it does not hold for root, under whom tests may run; a file in the way does.
    let (file, inside) = (file.display().to_string(), file.join("runs").display().to_string());
    hold(
        out.path(),
        &[
            (&["run", "steady", "--out", &file], 2, &["in-the-way", "--out"]),
            (&["run", "steady", "--out", &inside], 2, &["in-the-way", "--out"]),
            (
                &["run", "steady", "--rate", "90M/s", "--duration", "24h", "--out", "{out}"],
                2,
                &["MB free", "may write", "--rate", "--duration"],
            ),
        ],
    );
}

#[test]
fn tmpfs_proves_nothing_about_inode_reuse_and_the_run_says_so() {
    let shm = Path::new("/dev/shm");
    if !shm.is_dir() || reuses_inodes(shm) {
        skipped("/dev/shm is no tmpfs here");
        return;
    }
    let Ok(out) = tempfile::tempdir_in(shm) else {
        skipped("/dev/shm cannot be written");
        return;
    };
    let judged = run("tail-stall", &[], out.path());
    assert_eq!(judged.ended.code, 3, "{judged}");
    let why = judged.outcome.unknown_because.join("\n");
    assert!(why.contains("tmpfs") && why.contains("put --out on ext4"), "{judged}");
}

#[test]
fn a_rate_beyond_the_machine_proves_nothing() {
    let _live = live();
    let out = place();
    let folder = out.path().display().to_string();
    let args = ["run", "steady", "--rate", "5M/s", "--duration", "2s", "--json", "--ui", "none", "--out", &folder];
    // A pace that changes is told by lateness alone.
    for pace in ["\"steady\"", "{ramp={from=0.5,to=1.0,over=\"1s\"}}"] {
        // However much was written until then is to arrive: what is asked is the pace.
        let pace = format!("load.pace={pace}");
        let ended = start(&[&args[..], &["--set", "time.drain=120s", "--set", &pace]].concat()).wait(180);
        let document: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        let why = document["unknown_because"].to_string();
        assert!(why.contains("could not keep its pace"), "{pace}: {ended}\n{why}");
        assert_eq!(ended.code, 3, "{ended}\n{document:#}");
    }
}

#[test]
fn a_broken_configuration_of_the_pipeline_is_refused_with_its_line() {
    let out = place();
    let path = out.path().join("pipeline.conf").display().to_string();
    let whole =
        "[INPUT]\n    Name tail\n    Path /var/log/x.log\n    DB x.db\n[OUTPUT]\n    Name stdout\n    Match *\n";
    std::fs::write(&path, whole).unwrap();
    tailproof(&["pipeline", "-c", &path, "--dry-run"]).expect(0);
    for (find, write, words) in [
        ("Path /", "Pth /", &["pipeline.conf:3", "did you mean `Path`?"][..]),
        ("Name tail", "Name tale", &["pipeline.conf:2", "tale"]),
        ("[INPUT]", "[INPTU]", &["pipeline.conf:1", "INPTU"]),
        ("[INPUT]", "INPUT", &["pipeline.conf:1"]),
        ("DB x.db", "Mem_Buf_Limit lots", &["pipeline.conf:4", "lots"]),
        ("[INPUT]", "@INCLUDE pipeline.conf\n[INPUT]", &["pipeline.conf"]),
        ("DB x.db", "DB ${NOT_SET_ANYWHERE_AT_ALL}/x.db", &["NOT_SET_ANYWHERE_AT_ALL"]),
    ] {
        let broken = whole.replacen(find, write, 1);
        assert_ne!(broken, whole, "{find} is in the configuration");
        std::fs::write(&path, broken).unwrap();
        let ended = tailproof(&["pipeline", "-c", &path, "--dry-run"]).expect(2);
        says(&ended, words);
    }
    std::fs::write(&path, b"\xff\xfe[INPUT]").unwrap();
    assert!(tailproof(&["pipeline", "-c", &path]).expect(2).stderr.contains("UTF-8"));
    assert!(tailproof(&["pipeline", "-c", "nowhere.conf"]).expect(2).stderr.contains("nowhere.conf"));
}
