use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

fn refused(pattern: &str) -> String {
    let error = Pattern::new(pattern).expect_err(pattern);
    format!("{}: {}", error.at, error.why)
}

#[test]
fn what_cannot_be_matched_in_linear_time_is_refused_by_its_name() {
    let table = [
        ("a(?=b)", "2: a lookahead `(?=`"),
        ("é(?!b)", "2: a negative lookahead `(?!`"),
        ("(?<=a)b", "1: a lookbehind `(?<=`"),
        ("x(?<!a)b", "2: a negative lookbehind `(?<!`"),
        ("(?>a)", "1: an atomic group `(?>`"),
        ("(a)\\1", "4: the back-reference `\\1`"),
        ("(?<n>a)\\k<n>", "8: the back-reference `\\k`"),
        ("[^ ]*+x", "6: a possessive quantifier"),
        ("/a(?=b)/", "3: a lookahead"),
    ];
    for (pattern, expected) in table {
        let told = refused(pattern);
        assert!(told.starts_with(expected), "{pattern}: {told}");
    }
}

#[test]
fn an_error_tells_the_place_in_the_expression_as_it_is_written() {
    for (pattern, at) in [("\\h\\h(", 5), ("a)b", 2), ("/x**(/", 5), ("[a", 1), ("é[z-a]", 3)] {
        assert_eq!(Pattern::new(pattern).expect_err(pattern).at, at, "{pattern}: {}", refused(pattern));
    }
    assert!(refused("/a/q").starts_with("4: there is no option `q`"));
    assert!(refused("(((a{1000}){1000}){1000})").contains("once compiled"));
}

#[test]
fn groups_may_share_a_name() {
    let pattern = Pattern::new("^(?:a(?<v>\\d)|b(?<v>\\d)|c(?'v'\\d))(?<w>x)?$").unwrap();
    assert_eq!(pattern.names().collect::<Vec<_>>(), [(1, "v"), (2, "v"), (3, "v"), (4, "w")]);
    assert_eq!(&pattern.captures(b"c7\n").unwrap()[3], b"7");
    assert!(pattern.captures(b"d7").is_none());
}

#[test]
fn ruby_s_spelling_means_what_it_means_there() {
    let table = [
        ("/GET/i", "a get b", true),
        ("^b$", "a\nb\nc", true),
        ("\\Ab", "a\nb", false),
        ("a.b", "a\nb", false),
        ("(?m:a.b)", "a\nb", true),
        ("/a.b/m", "a\nb", true),
        ("/^[^ #] b$ # note/x", "ab", true),
        ("/^[^ #]$/x", " ", false),
        ("/^[^ #]$/x", "#", false),
        ("^\\h+$", "c0ffee", true),
        ("[\\h]+$", "xyz", false),
        ("{\"log\":", "{\"log\":", true),
        ("^a{,2}$", "aa", true),
        ("^a{,2}$", "aaa", false),
        ("\\<b\\>", "<b>", true),
        ("a(?#note)b", "ab", true),
        ("a\\Z", "a\n", true),
        ("^[^\\]]*\\]$", "a]", true),
        ("^[[:alpha:]]+$", "abc", true),
        ("x*?$", "y", true),
        // No line begins behind the last line feed.
        ("^$", "a\n", false),
        ("^\\s*$", "a\n", false),
        ("^$", "a\n\nb\n", true),
        ("^a$", "a\n", true),
        ("b[:\\n]", "a b\n", true),
    ];
    for (pattern, text, expected) in table {
        assert_eq!(Pattern::new(pattern).expect(pattern).is_match(text.as_bytes()), expected, "{pattern} {text:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_matched_as_they_are() {
    let pattern = Pattern::new("^(?<a>[^ ]*) (?<b>.*)$").unwrap();
    let found = pattern.captures(b"\xff\xfe \x80rest").unwrap();
    assert_eq!((&found["a"], &found["b"]), (b"\xff\xfe".as_slice(), b"\x80rest".as_slice()));
}

#[test]
fn evil_expressions_stay_linear() {
    let text = [b"a".repeat(50_000), b"!".to_vec()].concat();
    for evil in ["(a+)+$", "(a|aa)+$", "(.*a){20}$"] {
        let pattern = Pattern::new(evil).unwrap();
        assert!(!pattern.is_match(&text), "{evil}");
    }
}

const FLUENTD: &str = r#"^(?<host>[^ ]*) \[(?<time>[^\]]*)\] "(?<method>\S+)(?: +(?<path>[^\"]*?)(?: +\S*)?)?" (?<code>[^ ]*)(?: "(?<agent>[^\"]*)")?$"#;

/// Also with the whole request left out.
static PATTERNS: LazyLock<[Pattern; 2]> = LazyLock::new(|| {
    let optional = FLUENTD.replacen("(?<method>", "(?:(?<method>", 1).replacen(")?)?\"", ")?)?)?\"", 1);
    [FLUENTD, &optional].map(|text| Pattern::new(text).unwrap())
});

#[test]
fn a_request_of_three_words_is_found_the_quick_way_and_others_as_well() {
    let pattern = Pattern::new(FLUENTD).unwrap();
    let quick = pattern.quick.as_ref().expect("it has the usual request");
    let usual = br#"h [t] "GET /a HTTP/1.1" 200 "agent x""#;
    assert!(quick.is_match(usual) && !quick.is_match(br#"h [t] "GET /a b HTTP/1.1" 200"#));
    let path = |text: &[u8]| {
        let mut groups = pattern.locations();
        assert!(pattern.find(text, &mut groups));
        groups.get(4).map(|(start, end)| String::from_utf8(text[start..end].to_vec()).unwrap())
    };
    assert_eq!(path(usual).as_deref(), Some("/a"));
    assert_eq!(path(br#"h [t] "GET /a b HTTP/1.1" 200"#).as_deref(), Some("/a b"));
    for other in ["^(?<a>[^ ]*)$", &FLUENTD[1..], &FLUENTD.replacen("\" (?<code>", "\"(?<code>", 1)] {
        assert!(Pattern::new(other).unwrap().quick.is_none(), "{other}");
    }
}

proptest! {
    #[test]
    fn the_quick_way_finds_what_the_other_finds(parts in proptest::collection::vec(
        proptest::sample::select(vec!["GET", "\"", "\" ", "  ", " ", "/a", "HTTP/1.1", "]", "200", "x y", "\t", "\" 2", "\"a\"", "h [t] \""]), 0..10,
    )) {
        let text = format!("h [t] \"{}", parts.concat());
        for pattern in PATTERNS.iter() {
            let quick = pattern.quick.as_ref().expect("it has the usual request");
            let (mut one, mut other) = (pattern.locations(), pattern.locations());
            if quick.captures_read(&mut one, text.as_bytes()).is_some() {
                prop_assert!(pattern.line.captures_read(&mut other, text.as_bytes()).is_some());
                prop_assert!((0..one.len()).all(|group| one.get(group) == other.get(group)), "{}", text);
            }
        }
    }

    #[test]
    fn no_expression_makes_it_panic(text in r"[\[\](){}*+?^$|\\a-z0-9:<>=!,/'#~é-]{0,24}") {
        let _ = Pattern::new(&text);
    }
}
