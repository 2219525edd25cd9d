//! The file of a baseline: read with suspicion, written in one step.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{ErrorKind, Read, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{Baseline, BaselineError, Book, Held, Machine, Metric, Rule, SCHEMA, Written};
use crate::outcome::Verdict;

/// Largest baseline that is read, bytes.
const LARGEST: u64 = 1 << 20;
/// Most replicates of one metric.
const MOST_VALUES: usize = 1000;
/// Significant digits of a value: more would be noise in every diff.
const DIGITS: i32 = 5;

const HEAD: &str = "\
# What this scenario is held to. Written by `tailproof gate … --update`; rules may be edited by hand:
# a metric fails if it is worse by `percent` and by `absolute` (its own unit), and surely by more than `noise_percent`.

";

/// As written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: u32,
    scenario: String,
    scenario_hash: String,
    agent: String,
    #[serde(default)]
    agent_version: String,
    verdict: Spanned<String>,
    #[serde(default)]
    repeat: String,
    #[serde(default)]
    written: Written,
    machine: Machine,
    books: BTreeMap<Spanned<String>, u64>,
    #[serde(default)]
    metric: BTreeMap<Spanned<String>, Metered>,
}

/// The version alone, so that a newer file is told from a damaged one.
#[derive(Deserialize)]
struct Version {
    schema: Option<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metered {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<Spanned<Rule>>,
    values: Spanned<Vec<f64>>,
}

/// Something wrong, and the byte it stands at.
type Wrong = (usize, String);

/// Reads a baseline.
pub fn load(path: &Path) -> Result<Baseline, BaselineError> {
    let owned = || path.to_owned();
    let file = File::open(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => BaselineError::Absent { path: owned() },
        _ => BaselineError::Read { path: owned(), source },
    })?;
    let mut bytes = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|source| BaselineError::Read { path: owned(), source })?;
    let invalid = |line: usize, why: String| BaselineError::Invalid { path: owned(), line, why };
    if bytes.len() as u64 > LARGEST {
        return Err(invalid(1, format!("the file is longer than {LARGEST} bytes, which no baseline is")));
    }
    let line_of = |at: usize| 1 + memchr::memchr_iter(b'\n', &bytes[..at.min(bytes.len())]).count();
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(error) => return Err(invalid(line_of(error.valid_up_to()), "the text is not UTF-8".to_owned())),
    };
    if let Ok(Version { schema: Some(version) }) = toml::from_str(text)
        && version > SCHEMA
    {
        return Err(BaselineError::Newer { path: owned(), version });
    }
    let document: Result<Document, Wrong> =
        toml::from_str(text).map_err(|error| (error.span().map_or(0, |span| span.start), one_line(error.message())));
    document.and_then(settle).map_err(|(at, why)| invalid(line_of(at), why))
}

/// As meant.
fn settle(document: Document) -> Result<Baseline, Wrong> {
    let verdict = match document.verdict.as_ref().as_str() {
        "pass" => Verdict::Pass,
        "fail" => Verdict::Fail,
        other => {
            let why = format!("a baseline is of runs that pass or fail, not `{other}`");
            return Err((document.verdict.span().start, why));
        }
    };
    let mut books = BTreeMap::new();
    for (name, admitted) in document.books {
        let known = Book::ALL.into_iter().find(|book| book.name() == name.as_ref().as_str());
        let names = || Book::ALL.map(Book::name).join(", ");
        let book = known.ok_or_else(|| {
            (name.span().start, format!("no book is called `{}`; there are {}", name.as_ref(), names()))
        })?;
        books.insert(book, admitted);
    }
    let mut metrics = BTreeMap::new();
    for (name, metered) in document.metric {
        let names = || Metric::ALL.map(Metric::name).join(", ");
        let wrong = || (name.span().start, format!("no metric is called `{}`; there are {}", name.as_ref(), names()));
        metrics.insert(Metric::named(name.as_ref()).ok_or_else(wrong)?, held(metered)?);
    }
    Ok(Baseline {
        scenario: document.scenario,
        scenario_hash: document.scenario_hash,
        agent: document.agent,
        agent_version: document.agent_version,
        verdict,
        repeat: document.repeat,
        written: document.written,
        machine: document.machine,
        books,
        metrics,
    })
}

fn held(metered: Metered) -> Result<Held, Wrong> {
    if let Some(rule) = &metered.rule {
        let Rule { percent, absolute, noise_percent } = *rule.as_ref();
        let at = rule.span().start;
        if !(percent > 0.0 && percent <= 1000.0) {
            return Err((at, format!("percent is {percent}; a rule needs one above 0, up to 1000")));
        }
        if !(0.0..percent).contains(&noise_percent) {
            return Err((at, format!("noise_percent is {noise_percent}; it lies from 0 to below percent")));
        }
        if !(absolute >= 0.0 && absolute.is_finite()) {
            return Err((at, format!("absolute is {absolute}; a rule needs one of 0 or more")));
        }
    }
    let (at, values) = (metered.values.span().start, metered.values.into_inner());
    if values.is_empty() || values.len() > MOST_VALUES {
        return Err((at, format!("{} values; a metric has one a replicate, up to {MOST_VALUES}", values.len())));
    }
    if let Some(value) = values.iter().find(|value| !(value.is_finite() && **value > 0.0)) {
        return Err((at, format!("a value is {value}; a measurement is above 0")));
    }
    Ok(Held { rule: metered.rule.map(Spanned::into_inner), values })
}

/// Writes a baseline in one step: a kill at any moment leaves the old one or the new one.
pub fn store(path: &Path, baseline: &Baseline) -> Result<(), BaselineError> {
    let failed = |source| BaselineError::Write { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let write = || {
        let mut file = File::create_new(&beside)?;
        file.write_all(text(baseline).as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|source| {
        // The error of the write is the one to tell.
        let _ = fs::remove_file(&beside);
        failed(source)
    })
}

/// The text of a baseline.
pub(super) fn text(baseline: &Baseline) -> String {
    let spanned = |text: &str| Spanned::new(0..0, text.to_owned());
    let metered = |held: &Held| Metered {
        rule: held.rule.map(|rule| Spanned::new(0..0, rule)),
        values: Spanned::new(0..0, held.values.iter().map(|value| rounded(*value)).collect()),
    };
    let document = Document {
        schema: SCHEMA,
        scenario: baseline.scenario.clone(),
        scenario_hash: baseline.scenario_hash.clone(),
        agent: baseline.agent.clone(),
        agent_version: baseline.agent_version.clone(),
        verdict: spanned(if baseline.verdict == Verdict::Fail { "fail" } else { "pass" }),
        repeat: baseline.repeat.clone(),
        written: baseline.written.clone(),
        machine: baseline.machine.clone(),
        books: baseline.books.iter().map(|(book, admitted)| (spanned(book.name()), *admitted)).collect(),
        metric: baseline.metrics.iter().map(|(metric, held)| (spanned(metric.name()), metered(held))).collect(),
    };
    format!("{HEAD}{}", toml::to_string(&document).expect("a baseline is plain data with text keys"))
}

/// To so many significant digits.
fn rounded(value: f64) -> f64 {
    let scale = 10f64.powi(DIGITS - 1 - value.abs().log10().floor() as i32);
    if scale.is_finite() && scale > 0.0 { (value * scale).round() / scale } else { value }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
