use proptest::prelude::*;

use super::*;

/// The records that `lines` become, by the rules of these names.
fn joined(names: &[&str], lines: &[&str]) -> Vec<String> {
    let all = built_in();
    let mut machines = Machines::new(&names.iter().map(|name| Arc::clone(&all[*name])).collect::<Vec<_>>());
    let (mut out, mut waiting) = (Vec::new(), Vec::<&str>::new());
    for line in lines {
        let place = machines.step(line.as_bytes(), |_| None);
        if matches!(place, Place::Begins | Place::Alone) && !waiting.is_empty() {
            out.push(std::mem::take(&mut waiting).join("|"));
        }
        waiting.push(line);
        if matches!(place, Place::Ends | Place::Alone) {
            out.push(std::mem::take(&mut waiting).join("|"));
        }
        assert_eq!(machines.waits(), !waiting.is_empty());
    }
    out.extend((!waiting.is_empty()).then(|| waiting.join("|")));
    out
}

const JAVA: &[&str] = &[
    "one line",
    "Dec 14 06:41:08 Exception in thread \"main\" java.lang.RuntimeException: Something, aborting!",
    "    at com.example.MyProject.badMethod(MyProject.java:22)",
    "    at com.example.MyProject.main(MyProject.java:6)",
    "Caused by: java.io.IOException: no",
    "    ... 3 more",
    "another line",
    "Dec 14 06:41:09 java.lang.RuntimeException: again",
    "    at com.example.MyProject.main(MyProject.java:6)",
    "Dec 14 06:41:10 java.lang.RuntimeException: and again",
];
const PYTHON: &[&str] = &[
    "before",
    "Traceback (most recent call last):",
    "  File \"/base/data/home/apps/main.py\", line 1535, in __call__",
    "    rv = self.handle_exception(request, response, e)",
    "  File \"/base/data/home/apps/main.py\", line 27, in get",
    "    raise Exception('spam', 'eggs')",
    "Exception: ('spam', 'eggs')",
    "after all",
];
const GO: &[&str] = &[
    "panic: my panic",
    "",
    "goroutine 4 [running]:",
    "panic(0x45cb40, 0x47ad70)",
    "  /usr/local/go/src/runtime/panic.go:542 +0x46c fp=0xc42003f7b8",
    "main.main.func1(0xc420024120)",
    "  foo.go:6 +0x39 fp=0xc42003f7d8 sp=0xc42003f7b8 pc=0x451339",
    "created by main.main",
    "  foo.go:5 +0x58",
    "",
    "goroutine 1 [chan receive]:",
    "runtime.gopark(0x4739b8, 0xc420024178)",
    "  /usr/local/go/src/runtime/proc.go:280 +0x12c",
    "2026/11/21 a line of its own",
];
const RUBY: &[&str] = &[
    "/app/config.ru:6:in `/': divided by 0 (ZeroDivisionError)",
    "  from /app/config.ru:6:in `bad_method'",
    "  from /app/config.ru:2:in `<main>'",
    "done",
];

#[test]
fn stack_traces_become_one_record_each_and_nothing_else_joins_them() {
    assert_eq!(
        joined(&["java"], JAVA),
        ["one line".to_owned(), JAVA[1..6].join("|"), JAVA[6].to_owned(), JAVA[7..9].join("|"), JAVA[9].to_owned()]
    );
    assert_eq!(joined(&["python"], PYTHON), ["before".to_owned(), PYTHON[1..7].join("|"), "after all".to_owned()]);
    assert_eq!(joined(&["go"], GO), [GO[..13].join("|"), GO[13].to_owned()]);
    assert_eq!(joined(&["ruby"], RUBY), [RUBY[..3].join("|"), "done".to_owned()]);
}

#[test]
fn several_rules_share_a_stream() {
    let all = [JAVA, PYTHON, GO, RUBY].concat();
    let expected: Vec<String> = [("java", JAVA), ("python", PYTHON), ("go", GO), ("ruby", RUBY)]
        .iter()
        .flat_map(|(name, lines)| joined(&[name], lines))
        .collect();
    assert_eq!(joined(&["java", "python", "go", "ruby"], &all), expected);
}

#[test]
fn a_mark_of_the_end_joins_fragments() {
    assert_eq!(joined(&["docker"], &["a", "b", "c\n", "d\n", "e"]), ["a|b|c\n", "d\n", "e"]);
    let all = built_in();
    let mut machine = Machine::new(Arc::clone(&all["cri"]));
    let places: Vec<Place> = ["P", "P", "F", "F"].iter().map(|mark| machine.step(b"x", mark.as_bytes())).collect();
    assert_eq!(places, [Place::Begins, Place::Joins, Place::Ends, Place::Alone]);
}

proptest! {
    #[test]
    fn every_line_is_in_exactly_one_record(
        picks in proptest::collection::vec((0usize..4, 0usize..16), 0..60), names in 1usize..=4,
    ) {
        let lines: Vec<&str> =
            picks.iter().map(|&(of, at)| { let lines = [JAVA, PYTHON, GO, RUBY][of]; lines[at % lines.len()] }).collect();
        let records = joined(&["java", "python", "go", "ruby"][..names], &lines);
        prop_assert_eq!(records.join("|"), lines.join("|"));
    }
}
