//! Run folders that were cut, changed or never were whole: `report` answers, in words, and never with a pass.

use std::path::Path;

use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::support::{live, place, run, run_folders, short_or_long, tailproof};

#[test]
fn a_folder_that_holds_no_whole_run_is_refused_by_report() {
    let out = place();
    let folder = |name: &str, manifest: Option<&str>| {
        let folder = out.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        if let Some(text) = manifest {
            std::fs::write(folder.join("run.json"), text).unwrap();
            std::fs::write(folder.join("events.jsonl"), "").unwrap();
        }
        folder.display().to_string()
    };
    for (run, word) in [
        (out.path().join("nowhere").display().to_string(), "it holds no run.json"),
        (folder("none", None), "it holds no run.json"),
        (folder("empty", Some("")), "the file is empty"),
        (folder("newer", Some("{\"schema\": 99}")), "use a newer tailproof"),
        (folder("cut", Some("{\"schema\": 1, \"scen")), "cut"),
        (folder("other", Some("{\"schema\": 1, \"what\": 2}")), "what"),
        (folder("list", Some("[1, 2]")), "run.json"),
    ] {
        let ended = tailproof(&["report", &run]).expect(2);
        assert!(ended.complains_of(word), "{word}: {ended}");
    }
}

#[test]
fn a_run_damaged_anywhere_is_told_or_refused_but_never_a_pass_and_never_a_panic() {
    let out = place();
    let run = unfinished_run(out.path());
    let damages = short_or_long("damages", 60, 1_500);
    for seed in 0..damages {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let file = ["run.json", "events.jsonl", "books.bin"][random.random_range(0..3usize)];
        let path = run.join(file);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, damaged(&whole, &mut random)).unwrap();
        let ended = tailproof(&["report", &run.display().to_string()]);
        assert!(matches!(ended.code, 0 | 2), "seed {seed}, {file}: {ended}");
        assert!(!ended.stdout.contains("verdict=PASS"), "seed {seed}, {file}: {ended}");
        assert!(ended.code == 0 || ended.stderr.contains(run.to_str().unwrap()), "seed {seed}, {file}: {ended}");
        std::fs::write(&path, whole).unwrap();
    }
}

/// A whole run whose manifest says that it is still under way, so that `report` must read its books.
fn unfinished_run(out: &Path) -> std::path::PathBuf {
    let _live = live();
    let judged = run("steady", &["--duration", "1s", "--rate", "1k/s", "--ui", "none"], out);
    assert_eq!(judged.outcome.exit, 0, "{judged}");
    let run = run_folders(out).pop().unwrap();
    let text = std::fs::read(run.join("run.json")).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_slice(&text).unwrap();
    manifest["state"] = "running".into();
    manifest["outcome"] = serde_json::Value::Null;
    std::fs::write(run.join("run.json"), manifest.to_string()).unwrap();
    run
}

/// Cut, changed in one byte, with something in the middle, or with a stretch overwritten.
fn damaged(whole: &[u8], random: &mut Pcg64Mcg) -> Vec<u8> {
    let at = random.random_range(0..whole.len());
    let mut bytes = whole.to_vec();
    match random.random_range(0..4u8) {
        0 => bytes.truncate(at),
        1 => bytes[at] ^= random.random_range(1..=255u8),
        2 => {
            bytes.splice(at..at, *b"\x00\xff]}\n{\"t_us\":1");
        }
        _ => {
            let to = (at + random.random_range(1..4096usize)).min(bytes.len());
            random.fill_bytes(&mut bytes[at..to]);
        }
    }
    bytes
}
