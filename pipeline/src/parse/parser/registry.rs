//! The parsers there are, by name: the usual ones, and those of the configuration, which win.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use super::{Format, ParserPlan};
use crate::{
    config::{
        Entry, Section,
        error::{At, Problem},
        keys::Keys,
        nearest::nearest_of,
    },
    parse::{
        multiline::{self, MultilinePlan},
        pattern::Pattern,
    },
};

/// Parsers and rules for lines that belong together, by name.
#[derive(Debug, Clone)]
pub struct Parsers {
    parsers: BTreeMap<String, Arc<ParserPlan>>,
    multiline: BTreeMap<String, Arc<MultilinePlan>>,
}

const REQUEST: &str =
    r#"\[(?<time>[^\]]*)\] "(?:(?<method>[^ "]+)(?: +(?<path>[^"]*?)(?: +[^ "]*)?)?)?" (?<code>[^ ]*) (?<size>[^ ]*)"#;
const AGENT: &str = r#"(?: "(?<referer>[^"]*)" "(?<agent>[^"]*)")?$"#;
const CLF: &str = "%d/%b/%Y:%H:%M:%S %z";
const SYSLOG: &str = "%b %d %H:%M:%S";
const RFC3339: &str = "%Y-%m-%dT%H:%M:%S.%L%z";
const CRI: &str = r"^(?<time>[^ ]+) (?<stream>stdout|stderr) (?<logtag>[^ ]*) (?<message>.*)$";
const RFC5424: &str = concat!(
    r"^<(?<pri>[0-9]{1,3})>1 (?<time>[^ ]+) (?<host>[^ ]+) (?<ident>[^ ]+) (?<pid>[^ ]+) (?<msgid>[^ ]+) ",
    r#"(?<extradata>-|(?:\[(?:"(?:\\.|[^"\\])*"|[^"\]])*\])+)(?: (?<message>.*))?$"#
);
const ERROR: &str = concat!(
    r"^\[[^ ]* (?<time>[^\]]*)\] \[(?<level>[^\]]*)\](?: \[pid (?<pid>[^\]]*)\])?",
    r"(?: \[client (?<client>[^\]]*)\])? (?<message>.*)$"
);
/// Program, process and text of a syslog message of the old kind.
const TAG: &str = r"(?<ident>[a-zA-Z0-9_/.\-]*)(?:\[(?<pid>[0-9]+)\])?(?:[^:]*:)? *(?<message>.*)$";

impl Parsers {
    /// Those that need no configuration; their expressions are compiled once.
    pub fn built_in() -> Self {
        static BUILT_IN: LazyLock<Parsers> = LazyLock::new(|| {
            let mut all = Parsers { parsers: BTreeMap::new(), multiline: multiline::built_in() };
            usual().for_each(|parser| all.add(Arc::new(parser)));
            all
        });
        BUILT_IN.clone()
    }

    /// The built-in ones and those of `[PARSER]` and `[MULTILINE_PARSER]` sections.
    pub(crate) fn read<'a>(
        parsers: impl Iterator<Item = &'a Section>,
        rules: impl Iterator<Item = &'a Section>,
    ) -> At<Self> {
        let mut all = Self::built_in();
        for section in parsers {
            all.add(Arc::new(ParserPlan::plan(&Keys::new(section, super::KEYS, super::MANY)?)?));
        }
        for section in rules {
            let keys = Keys::new(section, multiline::KEYS, multiline::MANY)?;
            all.add_multiline(Arc::new(MultilinePlan::plan(&keys, &all)?));
        }
        Ok(all)
    }

    /// Adds a parser; one of the same name is replaced.
    pub fn add(&mut self, parser: Arc<ParserPlan>) {
        self.parsers.insert(parser.name.clone(), parser);
    }

    /// Adds rules; those of the same name are replaced.
    pub fn add_multiline(&mut self, rules: Arc<MultilinePlan>) {
        self.multiline.insert(rules.name.clone(), rules);
    }

    /// The parser of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<ParserPlan>> {
        self.parsers.get(name)
    }

    /// The rules of this name.
    pub fn multiline(&self, name: &str) -> Option<&Arc<MultilinePlan>> {
        self.multiline.get(name)
    }

    /// All names of parsers, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parsers.keys().map(String::as_str)
    }

    /// All names of rules, in order.
    pub fn multiline_names(&self) -> impl Iterator<Item = &str> {
        self.multiline.keys().map(String::as_str)
    }
}

/// The parser `name` that an entry asks for.
pub(crate) fn parser_named(parsers: &Parsers, entry: &Entry, name: &str) -> At<Arc<ParserPlan>> {
    parsers.get(name).cloned().ok_or_else(|| {
        let nearest = nearest_of(name, parsers.names()).map(ToOwned::to_owned);
        (entry.line, Problem::Nowhere { what: "parser", name: name.to_owned(), nearest })
    })
}

/// The rules `name` that an entry asks for.
pub(crate) fn multiline_named(parsers: &Parsers, entry: &Entry, name: &str) -> At<Arc<MultilinePlan>> {
    parsers.multiline(name).cloned().ok_or_else(|| {
        let nearest = nearest_of(name, parsers.multiline_names()).map(ToOwned::to_owned);
        (entry.line, Problem::Nowhere { what: "multiline parser", name: name.to_owned(), nearest })
    })
}

/// The usual ones.
fn usual() -> impl Iterator<Item = ParserPlan> {
    let access = |first: &str| format!("^{first} {REQUEST}{AGENT}");
    let rfc3164 = r"^<(?<pri>[0-9]{1,3})>(?<time>[A-Za-z]{3} +[0-9]{1,2} [^ ]+)";
    let regex = [
        ("cri", CRI.to_owned(), RFC3339, true),
        ("nginx", access("(?<remote>[^ ]*) (?<host>[^ ]*) (?<user>[^ ]*)"), CLF, false),
        ("apache", access("(?<host>[^ ]*) [^ ]* (?<user>[^ ]*)"), CLF, false),
        ("apache2", access("(?<host>[^ ]*) [^ ]* (?<user>[^ ]*)"), CLF, false),
        ("syslog-rfc3164", format!("{rfc3164} (?<host>[^ ]+) {TAG}"), SYSLOG, true),
        ("syslog-rfc3164-local", format!("{rfc3164} {TAG}"), SYSLOG, true),
        ("syslog-rfc5424", RFC5424.to_owned(), RFC3339, true),
        ("apache_error", ERROR.to_owned(), "", true),
    ];
    let regex = regex.into_iter().map(|(name, text, time, keep)| {
        let pattern = Pattern::new(&text).expect("it was tested");
        ParserPlan::usual(name, Format::Regex(pattern), time, keep)
    });
    let others = [
        ParserPlan::usual("docker", Format::Json, RFC3339, true),
        ParserPlan::usual("json", Format::Json, "", true),
        ParserPlan::usual("logfmt", Format::Logfmt { bare: true }, "", true),
        ParserPlan::usual("ltsv", Format::Ltsv, "", true),
    ];
    regex.chain(others)
}
