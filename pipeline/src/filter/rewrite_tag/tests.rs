use proptest::prelude::*;

use super::PASSES_MAX;
use crate::{
    defects::Defect,
    filter::tests::{Bench, refused},
};

#[test]
fn a_record_goes_round_under_its_new_tag_and_the_original_stays_if_asked() {
    let mut bench =
        Bench::new("[FILTER]\nName rewrite_tag\nMatch in\nRule $vhost ^(\\w+)\\.example$ /log/$1/$path true\n");
    bench.push("in", &[r#"{"vhost":"web.example","path":"a/b.log"}"#, r#"{"vhost":"other"}"#]);
    assert_eq!(
        bench.out(),
        [
            ("in", r#"{"vhost":"web.example","path":"a/b.log"}"#),
            ("in", r#"{"vhost":"other"}"#),
            ("/log/web/a/b.log", r#"{"vhost":"web.example","path":"a/b.log"}"#),
        ]
        .map(|(tag, text)| (tag.to_owned(), text.to_owned()))
    );
    assert_eq!((bench.counter("rewrite_tag.0").records, bench.counter("rewrite_tag.0").added), (2, 1));
}

#[test]
fn what_goes_round_passes_the_filters_before_as_well() {
    let mut bench = Bench::new(
        "[FILTER]\nName record_modifier\nMatch in\nRecord seen once\n[FILTER]\nName record_modifier\nMatch out.*\nRecord seen again\nRecord last yes\n\
         [FILTER]\nName rewrite_tag\nMatch in\nRule a . out.$TAG[0] false\n",
    );
    bench.push("in", &[r#"{"a":1}"#]);
    assert_eq!(bench.out(), [("out.in".to_owned(), r#"{"a":1,"seen":"again","last":"yes"}"#.to_owned())]);
}

#[test]
fn rules_that_make_a_circle_end_with_an_error_and_the_record() {
    let mut bench = Bench::new(
        "[FILTER]\nName rewrite_tag\nMatch *\nRule a . one false\n[FILTER]\nName rewrite_tag\nMatch *\nRule a . two false\n",
    );
    bench.push("in", &[r#"{"a":1}"#]);
    assert_eq!(bench.out().len(), 1);
    let [one, other] = ["rewrite_tag.0", "rewrite_tag.1"].map(|name| bench.counter(name));
    assert!(one.failed + other.failed > 0);
    let rounds = one.records + other.records;
    assert!((u64::from(PASSES_MAX)..=u64::from(PASSES_MAX) + 2).contains(&rounds), "{rounds}");
}

#[test]
fn a_tag_that_cannot_be_leaves_the_record_where_it_is() {
    let mut bench = Bench::new("[FILTER]\nName rewrite_tag\nMatch *\nRule a . $b false\n");
    let long = format!(r#"{{"a":1,"b":"{}"}}"#, "x".repeat(5000));
    let records = [r#"{"a":1}"#, r#"{"a":1,"b":"x\ny"}"#, &long];
    bench.push("in", &records);
    assert_eq!(bench.out().into_iter().map(|(tag, _)| tag).collect::<Vec<_>>(), ["in"; 3]);
    assert_eq!(bench.counter("rewrite_tag.0").failed, 3);
}

#[test]
fn a_rule_needs_its_four_words() {
    insta::assert_snapshot!(refused("rewrite_tag", "Rule $a b c"), @r#"use the configuration t.conf:6: `Rule` cannot be "$a b c"; write field, expression, new tag, true or false, as $tool ^(a|b)$ from.$TAG false"#);
    insta::assert_snapshot!(refused("rewrite_tag", "Rule $a (b c true"), @r#"use the configuration t.conf:6: the regular expression "(b" cannot be used: at character 1, unclosed group; correct it"#);
}

proptest! {
    #[test]
    fn it_never_loses_a_record_nor_lets_go_too_early(
        records in proptest::collection::vec(("[ab]{1,2}", "[xy]{0,1}"), 1..30), keep in any::<bool>(), chunk in 1usize..8,
    ) {
        let rules = format!("Rule a ^a t.$1$a.$b {keep}\nRule b ^(x)$ u.$1 false");
        let mut bench = Bench::new(&format!("[FILTER]\nName rewrite_tag\nMatch in\n{rules}\n"));
        let texts: Vec<String> = records.iter().map(|(a, b)| format!(r#"{{"a":"{a}","b":"{b}"}}"#)).collect();
        for part in texts.chunks(chunk) {
            bench.push("in", &part.iter().map(String::as_str).collect::<Vec<_>>());
        }
        let copies = records.iter().filter(|(a, _)| a.starts_with('a') && keep).count();
        prop_assert_eq!(bench.unreleased(), texts.chunks(chunk).len());
        let out = bench.out();
        prop_assert_eq!(out.len(), texts.len() + copies);
        for (text, (a, b)) in texts.iter().zip(&records) {
            prop_assert!(out.iter().any(|(_, other)| other == text), "{} {} is lost", a, b);
        }
        prop_assert_eq!(bench.unreleased(), 0);
    }
}

#[test]
fn a_planted_emitter_forgets_what_it_does_not_hold() {
    let keys = "[FILTER]\nName rewrite_tag\nMatch in\nRule a . out true\n";
    for (defect, expected) in
        [(None, 400), (Some(Defect::CheckpointLag), 400), (Some(Defect::EmitterOverlimitDrop), 256)]
    {
        let mut bench = Bench::new(keys);
        bench.chain = bench.chain.planted(defect);
        for turn in 0..2 {
            bench.at_ms = turn * 100;
            bench.push("in", &[r#"{"a":1}"#; 200]);
        }
        let out = bench.out();
        let on = |wanted: &str| out.iter().filter(|(tag, _)| tag == wanted).count();
        assert_eq!((on("in"), on("out")), (400, expected), "{defect:?}");
    }
}
