//! `report` on the real binary: every form, found by name, side by side, over time; and what it says when it cannot.

use std::path::Path;

use results::outcome::Outcome;
use serde_json::Value;

use crate::{
    page::stories,
    support::{beside, flowed, place, run_folders, start, tailproof, until},
};

/// A folder with a failed and two passed runs, and the rest of the words of a command on it.
fn runs() -> (tempfile::TempDir, Vec<String>) {
    let place = place();
    let names = [
        "20261121T100000Z-tail-stall-builtin",
        "20261121T100100Z-tail-stall-builtin",
        "20261122T090000Z-tail-stall-builtin",
    ];
    stories::stalled(&place.path().join(names[0]));
    stories::passed(&place.path().join(names[1]));
    stories::passed(&place.path().join(names[2]));
    let out = place.path().display().to_string();
    (place, vec!["--out".into(), out])
}

fn report(words: &[&str], more: &[String]) -> crate::support::Ended {
    let mut all = vec!["report".to_owned()];
    all.extend(words.iter().map(|word| (*word).to_owned()));
    all.extend_from_slice(more);
    tailproof(&all)
}

#[test]
fn every_form_is_written_where_it_was_asked_for() {
    let (place, out) = runs();
    let file = |name: &str| place.path().join(name).display().to_string();
    let (page, markdown, junit, json, svg) =
        (file("a.html"), file("a.md"), file("a.xml"), file("a.json"), file("a.svg"));
    let words = [
        "20261121T100000",
        "--html",
        &page,
        "--markdown",
        &markdown,
        "--junit",
        &junit,
        "--json",
        &json,
        "--svg",
        &svg,
    ];
    let ended = report(&words, &out).expect(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.matches("written: ").count()), ("", 5), "{ended}");
    let read = |name: &str| std::fs::read_to_string(name).unwrap();
    assert!(read(&page).starts_with("<!doctype html>") && read(&page).ends_with("</html>\n"));
    assert!(read(&markdown).starts_with("### ❌ tailproof: 1 failed"));
    assert!(read(&junit).contains("<failure message=\"400 lost, limit 0\""));
    assert_eq!(serde_json::from_str::<Outcome>(&read(&json)).unwrap().books.lost, 400);
    assert!(read(&svg).starts_with("<svg xmlns="));
    // Without a file: the page into the folder, the others to standard output.
    report(&["20261121T100000", "--html"], &out).expect(0);
    assert_eq!(read(&file("20261121T100000Z-tail-stall-builtin/report.html")), read(&page));
    assert_eq!(report(&["20261121T100000", "--markdown"], &out).expect(0).stdout, read(&markdown));
    assert_eq!(report(&["20261121T100000", "--html", "-"], &out).expect(0).stdout, read(&page));
}

#[test]
fn a_run_is_found_by_the_beginning_of_its_name_or_the_names_are_told() {
    let (place, out) = runs();
    let told = report(&["20261122"], &out).expect(0);
    assert!(told.stdout.contains("verdict=PASS"), "{told}");
    let several = report(&["20261121"], &out).expect(2);
    assert!(several.stderr.contains("2 runs begin with 20261121: 20261121T100000Z-tail-stall-builtin"), "{several}");
    let none = report(&["2027"], &out).expect(2);
    assert!(none.stderr.contains(" begins with 2027; `ls "), "{none}");
    let path = place.path().join("20261122T090000Z-tail-stall-builtin");
    report(&[&path.display().to_string()], &[]).expect(0);
    // A twin of the same second is called the same and more.
    stories::passed(&place.path().join("20261121T100000Z-tail-stall-builtin-2"));
    let whole = report(&["20261121T100000Z-tail-stall-builtin"], &out).expect(0);
    assert!(whole.stdout.contains("verdict=FAIL"), "{whole}");
}

#[test]
fn a_run_that_is_still_under_way_is_said_to_be() {
    let _beside = beside();
    let place = place();
    let out = place.path().display().to_string();
    let bench = start(&["run", "steady", "--rate=1k/s", "--ui=none", "--out", &out]);
    until("the run has begun", 60, || run_folders(place.path()).iter().any(|run| run.join("books.bin").exists()));
    let run = run_folders(place.path()).pop().unwrap().display().to_string();
    let told = report(&[&run], &[]).expect(0);
    assert!(told.stderr.contains("is still under way") && told.stdout.contains("verdict=UNKNOWN"), "{told}");
    bench.signal(nix::sys::signal::Signal::SIGINT);
    bench.wait(60).expect(130);
    assert!(!report(&[&run], &[]).expect(0).stderr.contains("under way"));
}

#[test]
fn several_runs_stand_side_by_side_in_every_form() {
    let (place, out) = runs();
    let both = ["20261121T100000", "20261121T100100"];
    let table = report(&both, &out).expect(0).stdout;
    assert!(table.lines().nth(1).unwrap().starts_with("1    FAIL"), "{table}");
    assert!(table.lines().nth(2).unwrap().starts_with("2    PASS"), "{table}");
    let json = report(&[both[0], both[1], "--json"], &out).expect(0).stdout;
    let seeds: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(seeds.len(), 2);
    let page = place.path().join("side.html").display().to_string();
    report(&[both[0], both[1], "--html", &page], &out).expect(0);
    assert!(std::fs::read_to_string(&page).unwrap().contains("Side by side"));
    let nowhere = report(&[both[0], both[1], "--html"], &out).expect(2);
    assert!(nowhere.stderr.contains("--html side-by-side.html"), "{nowhere}");
    let picture = report(&[both[0], both[1], "--svg", "x.svg"], &out).expect(2);
    assert!(picture.stderr.contains("--svg takes one"), "{picture}");
}

#[test]
fn history_is_a_row_a_question_in_every_form() {
    let (place, _) = runs();
    std::fs::create_dir(place.path().join("not-a-run")).unwrap();
    let folder = place.path().display().to_string();
    let told = report(&["--history", &folder], &[]).expect(0);
    assert!(told.stdout.contains("tail-stall / builtin ") && told.stdout.contains(".."), "{told}");
    assert!(told.stdout.contains("(defect stale-membership-inode-reuse)"), "{told}");
    assert!(told.stderr.contains("left out: 1 in "), "{told}");
    let lines = report(&["--history", &folder, "--json"], &[]).expect(0).stdout;
    assert_eq!(lines.lines().filter(|line| line.contains("\"verdict\":\"pass\"")).count(), 2, "{lines}");
    for (form, begin) in [("--html", "<!doctype html>"), ("--markdown", "| scenario"), ("--svg", "<svg xmlns=")] {
        let written = report(&["--history", &folder, form, "-"], &[]).expect(0).stdout;
        assert!(written.starts_with(begin), "{form}: {written:.200}");
    }
    let empty = place.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let none = report(&["--history", &empty.display().to_string()], &[]).expect(2);
    assert!(none.stderr.contains("holds no judged run"), "{none}");
}

#[test]
fn what_is_new_since_the_run_before_is_told_and_only_of_its_own_kind() {
    let (place, out) = runs();
    // A run of another scenario between the two is no run before.
    stories::passed(&place.path().join("20261121T100050Z-steady-builtin"));
    // Nor is one that was broken off.
    let manifest = stories::passed(&place.path().join("20261121T100055Z-tail-stall-builtin")).join("run.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replacen("\"complete\"", "\"broken_off\"", 1)).unwrap();
    let told = report(&["20261121T100100"], &out).expect(0).stdout;
    let begin = "since      20261121T100000Z-tail-stall-builtin (FAIL, with stale-membership-inode-reuse planted";
    let told_at_once = flowed(&told);
    let wanted = begin.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told_at_once.contains(&wanted) && told_at_once.contains(" 0 new, 2 gone, 0 unchanged gone "), "{told}");
    let page = report(&["20261121T100100", "--html", "-"], &out).expect(0).stdout;
    assert!(page.contains("<h2 id=\"since\">Since the last run</h2>"), "{page:.2000}");
    // The first run has none before it; one that passed after one that passed has no news.
    for name in ["20261121T100000", "20261122"] {
        let told = report(&[name], &out).expect(0).stdout;
        assert!(!told.contains("\n  since "), "{told}");
    }
}

#[test]
fn what_is_redacted_is_in_no_form_that_is_written() {
    let (place, out) = runs();
    let run = place.path().join("20261121T100000Z-tail-stall-builtin");
    std::fs::write(run.join("agent.log"), "SECRET-PAYLOAD from vault-9.corp.example\n").unwrap();
    let forms = |more: &[&str]| -> String {
        ["--html", "--markdown", "--junit", "--json", "--svg"]
            .iter()
            .map(|form| report(&[&["20261121T100000", form, "-"], more].concat(), &out).expect(0).stdout)
            .collect()
    };
    let name = run.display().to_string();
    let open = forms(&[]);
    let secrets = [name.as_str(), "SECRET-PAYLOAD", "vault-9.corp.example", "0.log"];
    assert!(secrets.iter().all(|secret| open.contains(secret)), "what is told nowhere tests nothing");
    let redacted = forms(&["--redact", "paths,hosts,payload"]);
    let told: Vec<_> = secrets.iter().filter(|secret| redacted.contains(**secret)).collect();
    assert!(told.is_empty(), "{told:?}");
    assert!(
        redacted.contains("Left out of this page on request: paths, hosts, payload.")
            && redacted.contains("inode-reuse")
    );
    let nowhere = report(&["20261121T100000", "--html", "--redact", "paths"], &out).expect(2);
    assert!(nowhere.stderr.contains("--html page.html"), "{nowhere}");
    let wrong = report(&["20261121T100000", "--redact", "names"], &out).expect(2);
    assert!(wrong.stderr.contains("name paths, hosts, payload"), "{wrong}");
}

#[test]
fn a_file_that_cannot_be_written_is_told_by_name() {
    let (place, out) = runs();
    let file = place.path().join("no/such/folder.html").display().to_string();
    let ended = report(&["20261122", "--html", &file], &out).expect(2);
    assert!(ended.stderr.contains(&file) && ended.stderr.contains("name another file"), "{ended}");
    pipe_is_not_waited_for(place.path(), &out);
}

/// A pipe that lies where the configuration should would keep a reader for ever.
fn pipe_is_not_waited_for(place: &Path, out: &[String]) {
    let pipe = place.join("20261122T090000Z-tail-stall-builtin/agent.conf");
    std::fs::remove_file(&pipe).unwrap();
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    report(&["20261122"], out).expect(0);
}
