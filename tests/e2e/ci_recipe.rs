//! The recipes of `docs/ci.md`, performed as their services perform them: in a clean clone with a base and a change on top, step
//! by step, by the shell and with the environment that GitHub and GitLab document.
//!
//! Short, so that every test run can afford it: the steps and the scripts are the recipes' own; what is not is a stand-in for
//! cargo that hands out the binary under test, and `RUN_ARGS` and `LOOKS` for few runs of a second. The long form, with release
//! builds by cargo itself and the recipes' own lengths:
//!
//! ```text
//! cargo test --test e2e ci_recipe -- --ignored --nocapture
//! ```

mod checkout;
mod job;
mod yaml;

use self::{
    checkout::Checkout,
    job::{Around, Done, Job},
};
use crate::support::{Ended, flowed, last, live};

/// Few runs of a second, in which files are rotated: the defect needs that. Whoever loses nothing may stand for a while, as on
/// a machine that has much else to do; after losses that is how long a drain waits.
const QUICK: &str = "--duration 1s --rate 4k/s --set=time.warm_up=100ms --set=time.drain=4s --set=contract.stall=3s \
                     --set=rotate.by=kubelet --set=rotate.every=300ms --set=rotate.reopen_delay=60ms --set=rotate.max_files=2";
/// A run that proves nothing because the machine was busy is performed so often in all.
const ATTEMPTS: u32 = 3;
/// Loses whole files when they come and go between two scans.
const DEFECT: &str = "rename-create-gap";

fn quick(checkout: &Checkout) -> Around {
    Around { run_args: Some(QUICK), first_in_path: Some(checkout.instead_of_cargo()), looks: Some("5"), patience: 600 }
}

const WHOLE: Around = Around { run_args: None, first_in_path: None, looks: None, patience: 3600 };

/// The base: with a baseline, written by the commands of `docs/ci.md`; `instead` of the words that say how long a run is.
fn with_baseline(checkout: &Checkout, around: &Around, instead: Option<&str>) -> String {
    let page = std::fs::read_to_string(checkout.folder().join("docs/ci.md")).unwrap();
    let (_, section) = page.split_once("## Once: the baseline").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let commands: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert!(commands.len() >= 3 && commands.iter().any(|line| line.ends_with("--update")), "{section}");
    for line in commands.into_iter().filter(|line| !line.starts_with("git ")) {
        let line = match instead {
            Some(words) if line.contains(" run ") => {
                assert!(line.contains("--repeat 10 --duration 4s"), "{line}");
                line.replace("--repeat 10 --duration 4s", words)
            }
            _ => line.to_owned(),
        };
        println!("$ {line}");
        let mut ended = around.typed(&line, checkout);
        for _ in 1..ATTEMPTS {
            let is_busy = ended.code == 3 && flowed(&ended.stdout).contains("could not keep its pace");
            let Some((_, out)) = line.split_once(" --out ").filter(|_| is_busy) else { break };
            // As its user is told to: what proves nothing is left out and repeated.
            println!("again: {ended}");
            std::fs::remove_dir_all(checkout.folder().join(out)).unwrap();
            ended = around.typed(&line, checkout);
        }
        ended.expect(0);
    }
    checkout.commit("the baseline")
}

fn last_line(ended: &Ended) -> &str {
    ended.stdout.trim_end().lines().last().unwrap_or_default()
}

/// What a reviewer sees of a change that loses records.
fn says_what_was_lost(done: &Done) {
    let Done { last, summary } = done;
    assert_eq!(last.code, 1, "a change that loses records fails the job\n{last}");
    assert!(last_line(last).starts_with("tailproof gate=FAIL exit=1 scenario=steady "), "{last}");
    assert!(summary.starts_with("### ❌ FAIL · steady · builtin\n"), "{summary}");
    assert!(summary.contains("\n| ❌ | lost | 0 admitted | ") && summary.contains("| ✅ | corrupted |"), "{summary}");
    let errors: Vec<&str> = last.stdout.lines().filter(|line| line.starts_with("::error ")).collect();
    assert!((1..=10).contains(&errors.len()), "GitHub shows ten of a step: {errors:#?}");
    assert!(errors[0].starts_with("::error title=lost%3A steady%2C agent builtin::"), "{errors:#?}");
}

#[test]
fn on_github_a_change_that_loses_records_fails_with_a_table_and_annotations() {
    let Some(checkout) = Checkout::new() else { return };
    let _live = live();
    let around = quick(&checkout);
    let base = with_baseline(&checkout, &around, Some(&format!("--repeat 2 {QUICK}")));
    checkout.plant(DEFECT);
    checkout.commit("a change that loses records");
    let done = Job::github(&checkout, &base).perform(&checkout, &base, &around);
    says_what_was_lost(&done);
    let cases = std::fs::read_to_string(checkout.folder().join("target/gate.xml")).unwrap();
    assert!(cases.contains("<testcase name=\"book lost\"") && cases.contains("<failure"), "{cases}");
}

#[test]
fn on_gitlab_a_change_that_breaks_nothing_is_let_through() {
    let Some(checkout) = Checkout::new() else { return };
    let _live = live();
    let around = quick(&checkout);
    let base = with_baseline(&checkout, &around, Some(&format!("--repeat 2 {QUICK}")));
    checkout.commit("a change that breaks nothing");
    let done = Job::gitlab(&checkout).perform(&checkout, &base, &around);
    // Five pairs of a second decide about books; about speed they may have to say that they cannot tell.
    let table = std::fs::read_to_string(checkout.folder().join("target/gate.md")).unwrap();
    assert!([0, 3].contains(&done.last.code) && !table.contains('❌'), "{}\n{table}", done.last);
    assert!(table.contains("| ✅ | lost | 0 admitted | 0 |"), "{table}");
    assert!(last_line(&done.last).contains(" pairs=5 broken=0 worse=0 "), "{}", done.last);
    assert!(done.last.stdout.contains("section_start:"), "the table is a section of GitLab's log: {}", done.last);
}

#[test]
#[ignore = "builds two releases and measures for minutes; see above"]
fn the_recipes_as_they_are_with_real_builds() {
    let Some(checkout) = Checkout::new() else { return };
    let _live = live();
    let base = with_baseline(&checkout, &WHOLE, None);
    checkout.commit("a change that breaks nothing");
    let done = Job::gitlab(&checkout).perform(&checkout, &base, &WHOLE);
    println!("{}\n", last(&done.last.stdout, 40));
    assert_eq!(done.last.code, 0, "{}", done.last);
    // In the middle of a file the first line of what was read is stepped over.
    checkout.edit(
        "pipeline/src/input/tail/file.rs",
        "    fn passed(&mut self, lines: Vec<u8>) -> Chunk {\n",
        "    fn passed(&mut self, mut lines: Vec<u8>) -> Chunk {\n        if (1_000_000..1_100_000).contains(&self.offset) {\n            \
         let first = memchr::memchr(b'\\n', &lines).map_or(0, |at| at + 1);\n            self.pass(first, &lines);\n            \
         lines.drain(..first);\n        }\n",
    );
    checkout.commit("a change that loses records");
    let done = Job::github(&checkout, &base).perform(&checkout, &base, &WHOLE);
    println!("{}\n{}", last(&done.last.stdout, 40), done.summary);
    says_what_was_lost(&done);
}
