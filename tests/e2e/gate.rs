//! The gate on run folders as the bench leaves them: every verdict, exit code and form, from four short runs.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::support::{Ended, flowed, live, place, run, run_folders, tailproof};

/// Short, and still with as many rotations as the scenario asks for, so that a defect has something to break.
const SHORT: [&str; 4] = ["--duration", "4s", "--set=time.warm_up=300ms", "--set=rotate.every=600ms"];

/// Copies a run and changes its manifest: a replicate that costs nothing.
fn copied(run: &Path, to: &Path, change: impl Fn(&mut Value)) -> PathBuf {
    std::fs::create_dir_all(to).unwrap();
    for name in ["run.json", "events.jsonl", "books.bin"] {
        std::fs::copy(run.join(name), to.join(name)).unwrap();
    }
    let mut manifest: Value = serde_json::from_slice(&std::fs::read(to.join("run.json")).unwrap()).unwrap();
    change(&mut manifest);
    std::fs::write(to.join("run.json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
    to.to_owned()
}

/// `runs` replicates of a run; every figure of the `nth` is a little different, and the CPU time is `by` times as much.
fn replicates(run: &Path, folder: &Path, runs: u32, by: f64) -> Vec<String> {
    let one = |nth: u32| {
        let noise = 1.0 + 0.002 * f64::from(nth * 7 % 5);
        let path = copied(run, &folder.join(format!("{nth:02}")), |manifest| {
            manifest["started"] = format!("20261121T10{nth:02}00Z").into();
            let outcome = &mut manifest["outcome"];
            for (part, key, by) in
                [("resources", "agent_cpu_s", by), ("latency_ms", "p50", 1.0), ("latency_ms", "p99", 1.0)]
            {
                let value = outcome[part][key].as_f64().unwrap();
                outcome[part][key] = (value * noise * by).into();
            }
        });
        path.display().to_string()
    };
    (0..runs).map(one).collect()
}

fn gate(runs: &[String], baseline: &str, more: &[&str]) -> Ended {
    let mut args = vec!["gate"];
    args.extend(runs.iter().map(String::as_str));
    args.extend(["--baseline", baseline]);
    args.extend(more);
    tailproof(&args)
}

fn last_word(ended: &Ended, verdict: &str) {
    let last = ended.stdout.trim_end().lines().last().unwrap_or_default();
    let wanted = format!("tailproof gate={verdict} exit={} ", ended.code);
    assert!(last.starts_with(&wanted), "wanted `{wanted}`\n{ended}");
}

/// A run that passed and one that lost records, as the bench made them.
fn real_runs(place: &Path) -> (PathBuf, PathBuf) {
    let _live = live();
    let good = run("rename-gap", &SHORT, &place.join("good"));
    assert_eq!(good.outcome.exit, 0, "{good}");
    let mut args = SHORT.to_vec();
    args.extend(["--defect", "rename-create-gap"]);
    let bad = run("rename-gap", &args, &place.join("bad"));
    assert_eq!(bad.outcome.exit, 1, "the planted defect was not caught: {bad}");
    (run_folders(&place.join("good")).pop().unwrap(), run_folders(&place.join("bad")).pop().unwrap())
}

#[test]
fn the_gate_ends_with_every_code_on_real_run_folders() {
    let place = place();
    let place = place.path();
    let (good, bad) = real_runs(place);
    let baseline = place.join("b.toml").display().to_string();
    let before = replicates(&good, &place.join("before"), 10, 1.0);

    // No baseline: unknown, with the command that writes one; that command works.
    let ended = gate(&before, &baseline, &[]).expect(3);
    last_word(&ended, "UNKNOWN");
    assert!(flowed(&ended.stdout).contains("write one: tailproof gate"), "{ended}");
    gate(&before, &baseline, &["--update"]).expect(0);

    let same = replicates(&good, &place.join("same"), 10, 1.0);
    last_word(&gate(&same, &baseline, &[]).expect(0), "PASS");
    let slower = replicates(&good, &place.join("slower"), 10, 1.1);
    let ended = gate(&slower, &baseline, &[]).expect(1);
    last_word(&ended, "FAIL");
    assert!(flowed(&ended.stdout).contains("agent CPU per record +1"), "{ended}");
    last_word(&gate(&same[..3], &baseline, &[]).expect(3), "UNKNOWN");

    // One run that lost something among ten that are fine; the defect is named.
    let mut lossy = same.clone();
    lossy.push(bad.display().to_string());
    let ended = gate(&lossy, &baseline, &[]).expect(1);
    last_word(&ended, "FAIL");
    assert!(flowed(&ended.stdout).contains("the defect rename-create-gap was PLANTED"), "{ended}");
    assert!(gate(&lossy, &baseline, &["--update"]).expect(2).stderr.contains("was planted"));

    another_scenario_and_machine(&good, &same, &baseline, place);
    misuse(&same, &baseline);
    forms(&lossy, &baseline, place);
}

fn another_scenario_and_machine(good: &Path, same: &[String], baseline: &str, place: &Path) {
    let moved = |name: &str, change: fn(&mut Value)| {
        let folder = place.join(name);
        let runs: Vec<String> = (same.iter().enumerate())
            .map(|(nth, run)| copied(Path::new(run), &folder.join(nth.to_string()), change).display().to_string())
            .collect();
        let ended = gate(&runs, baseline, &[]).expect(3);
        last_word(&ended, "UNKNOWN");
        flowed(&ended.stdout)
    };
    let said = moved("machine", |manifest| manifest["environment"]["cores"] = 9_999.into());
    assert!(said.contains("another machine: 9999 cores instead of"), "{said}");
    assert!(said.contains("next perform the old build beside the new one, in turn"), "{said}");
    let said = moved("scenario", |manifest| manifest["settled"]["measure"] = 1.into());
    assert!(said.contains("the scenario was performed differently"), "{said}");
    // What a killed bench leaves proves nothing.
    let torn = copied(good, &place.join("torn"), |manifest| {
        manifest["state"] = "running".into();
        manifest["outcome"] = Value::Null;
    });
    let mut runs = same.to_vec();
    runs.push(torn.display().to_string());
    last_word(&gate(&runs, baseline, &[]).expect(3), "UNKNOWN");
}

fn misuse(same: &[String], baseline: &str) {
    let twice = [same[0].clone(), same[0].clone()];
    assert!(gate(&twice, baseline, &[]).expect(2).stderr.contains("is named twice"));
    let nothing = ["no/such/run".to_owned()];
    assert!(gate(&nothing, baseline, &[]).expect(2).stderr.contains("it holds no run.json"));

    let good = std::fs::read_to_string(baseline).unwrap();
    let damaged = format!("{baseline}.damaged.toml");
    std::fs::write(&damaged, good.replace("lost = 0", "lost = \"none\"")).unwrap();
    let line = 1 + good.lines().position(|line| line == "lost = 0").unwrap();
    let ended = gate(same, &damaged, &[]).expect(2);
    assert!(ended.stderr.contains(&format!("line {line}: ")), "{ended}");

    std::fs::write(&damaged, format!("{good}\n[metric.delivered_per_s]\nvalues = [1.0]\nrule = {{ percent = 5.0, absolute = 1.0, noise_percent = 1.0 }}\n")).unwrap();
    let ended = gate(same, &damaged, &[]).expect(2);
    assert!(ended.stderr.contains("the rule for delivered_per_s matches nothing"), "{ended}");
}

fn forms(lossy: &[String], baseline: &str, place: &Path) {
    let (markdown, junit) = (place.join("gate.md"), place.join("gate.xml"));
    let (markdown_arg, junit_arg) = (markdown.display().to_string(), junit.display().to_string());
    let files = ["--markdown", &markdown_arg, "--junit", &junit_arg];
    let ended = gate(lossy, baseline, &[&files[..], &["--annotations", "github"]].concat()).expect(1);
    last_word(&ended, "FAIL");
    assert!(ended.stdout.contains("\n::error title=lost%3A rename-gap%2C agent builtin::"), "{ended}");
    assert!(std::fs::read_to_string(&markdown).unwrap().starts_with("### ❌ FAIL · rename-gap · builtin\n"));
    assert!(std::fs::read_to_string(&junit).unwrap().contains("<testcase name=\"book lost\""));

    let ended = gate(lossy, baseline, &["--json"]).expect(1);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&document["verdict"], &document["exit"]), (&"fail".into(), &1.into()));
    let books = document["gates"][0]["books"].as_array().unwrap();
    let lost = books.iter().find(|book| book["book"] == "lost").unwrap();
    assert!(lost["most"].as_u64().unwrap() > 0 && lost["verdict"] == "fail", "{lost}");
}

#[test]
fn runs_beside_each_other_are_compared_in_pairs_and_calibrated() {
    let place = place();
    let place = place.path();
    let good = {
        let _live = live();
        run("steady", &["--duration", "1s", "--rate", "5k/s", "--set=time.warm_up=200ms"], &place.join("good"))
    };
    assert_eq!(good.outcome.exit, 0, "{good}");
    let good = run_folders(&place.join("good")).pop().unwrap();
    // In turn: old at even minutes, new at odd ones, on a machine that grows slower all the time.
    let side = |name: &str, first: u32, by: f64| {
        for nth in 0..10 {
            let minute = 2 * nth + first;
            copied(&good, &place.join(name).join(nth.to_string()), |manifest| {
                manifest["started"] = format!("20261121T10{minute:02}00Z").into();
                let cpu = &mut manifest["outcome"]["resources"]["agent_cpu_s"];
                let noise = 1.0 + 0.002 * f64::from(minute * 7 % 5);
                *cpu = (cpu.as_f64().unwrap() * by * noise * (1.0 + 0.03 * f64::from(minute))).into();
            });
        }
        place.join(name).display().to_string()
    };
    let (old, same, slow) = (side("old", 0, 1.0), side("same", 1, 1.0), side("slow", 1, 1.12));

    let ended = tailproof(&["compare", &old, &slow]).expect(1);
    assert!(ended.stdout.contains("pairs=10"), "{ended}");
    assert!(ended.stdout.trim_end().lines().last().unwrap().starts_with("tailproof compare=REGRESSION exit=1 "));
    let ended = tailproof(&["compare", "--base", &old, "--new", &same]).expect(0);
    assert!(ended.stdout.contains("compare=NO-REGRESSION"), "{ended}");

    let baseline = place.join("baselines").display().to_string();
    tailproof(&["gate", &old, "--baseline", &baseline, "--update"]).expect(0);
    let file = place.join("baselines/steady-builtin.toml");
    assert!(std::fs::read_to_string(&file).unwrap().contains("\nscenario = \"steady\"\n"));
    let ended = tailproof(&["gate", &slow, "--baseline", &baseline, "--reference", &old]).expect(1);
    last_word(&ended, "FAIL");
    let ended = tailproof(&["gate", &same, "--baseline", &baseline, "--reference", &old]).expect(0);
    last_word(&ended, "PASS");

    let ended = tailproof(&["gate", &old, "--baseline", &baseline, "--calibrate", "--update"]).expect(0);
    assert!(ended.stdout.contains("agent CPU per record"), "{ended}");
    assert!(tailproof(&["gate", &format!("{old}/0"), "--calibrate"]).expect(2).stderr.contains("too few to calibrate"));
}
