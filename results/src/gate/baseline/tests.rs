//! The file of a baseline: read as written, refused with its line.

use proptest::prelude::*;

use super::{file::text, *};
use crate::gate::examples::{new, old, run};

fn sample() -> Baseline {
    let written =
        Written { by: "Ada <ada@example.org>".into(), at: "2026-11-21T10:15:00Z".into(), commit: "abc123".into() };
    Baseline::of(&old(3), None, written, false).unwrap()
}

fn folder() -> tempfile::TempDir {
    let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/results-tests");
    std::fs::create_dir_all(&target).unwrap();
    tempfile::tempdir_in(target).unwrap()
}

/// What loading this text says.
fn loaded(text: &[u8]) -> Result<Baseline, BaselineError> {
    let folder = folder();
    let path = folder.path().join("b.toml");
    std::fs::write(&path, text).unwrap();
    load(&path)
}

#[test]
fn a_baseline_is_a_small_text_that_diffs_well() {
    insta::assert_snapshot!(text(&sample()));
}

#[test]
fn what_is_stored_is_what_is_loaded() {
    let folder = folder();
    let path = folder.path().join("deep/b.toml");
    store(&path, &sample()).unwrap();
    let again = load(&path).unwrap();
    assert_eq!(text(&again), text(&sample()));
    assert_eq!((again.books, again.machine), (sample().books, sample().machine));
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn an_update_keeps_the_rules_that_were_edited_by_hand() {
    let mut before = sample();
    before.metrics.get_mut(&Metric::LatencyP50Ms).unwrap().rule = None;
    let rule = Rule { percent: 33.0, absolute: 0.0, noise_percent: 3.0 };
    before.metrics.get_mut(&Metric::LatencyP99Ms).unwrap().rule = Some(rule);
    let after = Baseline::of(&new(5), Some(&before), Written::default(), false).unwrap();
    assert_eq!(after.metrics[&Metric::LatencyP50Ms].rule, None);
    assert_eq!(after.metrics[&Metric::LatencyP99Ms].rule, Some(rule));
    assert_eq!(after.metrics[&Metric::LatencyP99Ms].values.len(), 5);
}

#[test]
fn only_runs_that_prove_something_about_the_agent_make_a_baseline() {
    let refused = |change: fn(&mut Facts)| {
        let mut runs = old(3);
        change(&mut runs[1]);
        Baseline::of(&runs, None, Written::default(), true).unwrap_err().to_string()
    };
    assert!(refused(|run| run.verdict = Verdict::Unknown).contains("proves nothing"));
    assert!(refused(|run| run.broken_off = true).contains("proves nothing"));
    assert!(refused(|run| run.defect = Some("stale".into())).contains("defect stale was planted"));
    assert!(refused(|run| run.machine.cores = 8).contains("8 cores instead of 2"));
    let mut failed = run(0);
    failed.verdict = Verdict::Fail;
    let error = Baseline::of(&[failed], None, Written::default(), false).unwrap_err().to_string();
    assert!(error.contains("--accept-broken"), "{error}");
}

#[test]
fn a_damaged_baseline_is_refused_with_its_line() {
    let good = text(&sample());
    let line_of = |part: &str| 1 + good.lines().position(|line| line.contains(part)).unwrap();
    let cases = [
        ("verdict = \"pass\"", "verdict = \"perhaps\"", "not `perhaps`"),
        ("lost = 0", "lose = 0", "no book is called `lose`"),
        ("lost = 0", "lost = -1", "invalid value"),
        ("metric.latency_p50_ms", "metric.latency", "no metric is called `latency`"),
        ("cores = 2", "cpus = 2", "unknown field"),
        ("agent = \"builtin\"", "agent = builtin", ""),
    ];
    for (from, to, why) in cases {
        let error = loaded(good.replace(from, to).as_bytes()).unwrap_err();
        let BaselineError::Invalid { line, .. } = &error else { panic!("{to}: {error}") };
        assert_eq!(*line, line_of(from), "{to}: {error}");
        assert!(error.to_string().contains(why), "{to}: {error}");
    }
}

#[test]
fn a_rule_or_value_without_sense_is_refused() {
    let good = text(&sample());
    let values = good.lines().find(|line| line.starts_with("values")).unwrap();
    for (from, to, why) in [
        ("percent = 5.0", "percent = -5.0", "percent is -5"),
        ("percent = 5.0", "percent = nan", "percent is NaN"),
        ("noise_percent = 1.0", "noise_percent = 5.0", "below percent"),
        ("absolute = 0.02", "absolute = inf", "absolute is inf"),
        (values, "values = []", "0 values"),
        (values, "values = [1.0, 0.0]", "a value is 0"),
        (values, "values = [nan]", "a value is NaN"),
    ] {
        let error = loaded(good.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("line"), "{to}: {error}");
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    let absent = load(std::path::Path::new("/no/such/b.toml")).unwrap_err();
    assert!(absent.to_string().contains("--update --baseline /no/such/b.toml"), "{absent}");
    assert!(matches!(loaded(b"schema = 9\nnew = 1\n"), Err(BaselineError::Newer { version: 9, .. })));
    assert!(matches!(loaded(b"schema = 1\n\xff"), Err(BaselineError::Invalid { line: 2, .. })));
    assert!(matches!(loaded(&vec![b'#'; 2 << 20]), Err(BaselineError::Invalid { .. })));
    assert!(matches!(loaded(b""), Err(BaselineError::Invalid { .. })));
}

#[test]
fn whatever_the_names_hold_the_file_stays_in_its_folder() {
    assert_eq!(file_name("steady", "builtin"), "steady-builtin.toml");
    assert_eq!(file_name("../../etc/passwd", "a\n/b"), "------etc-passwd-a--b.toml");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..800) {
        drop(loaded(&bytes));
        let mut damaged = text(&sample()).into_bytes();
        let at = at % damaged.len();
        let end = (at + bytes.len()).min(damaged.len());
        damaged[at..end].copy_from_slice(&bytes[..end - at]);
        drop(loaded(&damaged));
    }
}
