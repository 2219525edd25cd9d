//! `Parser`, `multiline.parser` and `Docker_Mode`: how a line is framed, which lines belong together, what makes fields of
//! their text.
//!
//! ```text
//! multiline.parser docker, cri      framing, told apart by file; texts in pieces are joined
//! multiline.parser java, mine       rules over the texts of a file
//! Parser nginx                      fields from the text, behind both
//! Multiline, Parser_Firstline a     as rules; then fields from the first line, by Parser_1, … from others
//! ```
//! `Parser docker` and `cri` as they are built in, JSON that is not looked into but for its time, and lines of which a regular
//! expression names parts are read without copying from them; a parser of the name `docker` or `cri` that the configuration defines is one as any other, which joins nothing.

use std::sync::Arc;

use crate::{
    config::{
        Entry,
        error::{At, Problem},
        keys::{Keys, bad},
        plan::Framing,
        shared::Around,
    },
    parse::{
        multiline::MultilinePlan,
        parser::{Format, ParserPlan, Parsers, multiline_named, parser_named},
    },
};

/// Parsers of the lines behind the first.
const FURTHER: [&str; 9] =
    ["Parser_1", "Parser_2", "Parser_3", "Parser_4", "Parser_5", "Parser_6", "Parser_7", "Parser_8", "Parser_9"];

/// The rule that a line begins a record, and what makes fields of each line.
type FirstLine = (Arc<MultilinePlan>, Vec<Arc<ParserPlan>>);

/// What becomes of a line.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) framing: Framing,
    pub(super) merge: Option<Arc<ParserPlan>>,
    pub(super) rules: Vec<Arc<MultilinePlan>>,
    pub(super) parser: Option<Arc<ParserPlan>>,
    pub(super) line_parsers: Vec<Arc<ParserPlan>>,
}

pub(super) fn plan(keys: &Keys<'_>, around: &Around<'_>) -> At<Shape> {
    let (joined, mut rules) = multiline(keys, around)?;
    let docker_mode = keys.boolean("Docker_Mode", false)?;
    let (own, parser) = match keys.get("Parser") {
        None => (None, None),
        Some(entry) => own(entry, &around.parsers, joined, docker_mode)?,
    };
    let (line_parsers, parser) = match first_line(keys, around)? {
        None => (Vec::new(), parser),
        Some(_) if !rules.is_empty() || joined.is_some() => {
            let why = "`Multiline` and `multiline.parser` both say which lines belong together; keep one";
            return Err((keys.need("Multiline")?.line, Problem::Contradiction(why)));
        }
        // As there: with `Multiline`, `Parser` has nothing to do.
        Some((rule, parsers)) => {
            rules.push(rule);
            (parsers, None)
        }
    };
    let docker_mode = docker_mode.then_some(Framing::Docker);
    let mut given = [joined, own, docker_mode].into_iter().flatten();
    let framing = given.next().unwrap_or(Framing::Plain);
    let either = |other: Framing| framing == Framing::Either && other != Framing::Plain;
    if given.any(|other| other != framing && !either(other)) {
        let line = keys.get("Parser").or_else(|| keys.get("Docker_Mode")).map_or(keys.place(), |entry| entry.line);
        let why = "`Parser`, `multiline.parser` and `Docker_Mode` give different framings; keep one";
        return Err((line, Problem::Contradiction(why)));
    }
    if framing != Framing::Plain && !rules.is_empty() {
        let why = "rules over the texts of containers need them unpacked; put a `multiline` filter behind this input";
        let line =
            keys.get("multiline.parser").or_else(|| keys.get("Multiline")).map_or(keys.place(), |entry| entry.line);
        return Err((line, Problem::Contradiction(why)));
    }
    // Rules come first, and need the texts; a container's own time and stream stand beside what its text says.
    let plain = framing == Framing::Plain;
    let labels = [keys.text("Path_Key"), keys.text("Offset_Key")];
    let labelled = |plan: &ParserPlan| labels.iter().flatten().any(|key| plan.groups().contains(key));
    let as_it_stands = |plan: &Arc<ParserPlan>| {
        rules.is_empty() && (plan.is_bare_json(plain) || plain && plan.takes_parts() && !labelled(plan))
    };
    let (merge, parser) = if parser.as_ref().is_some_and(as_it_stands) { (parser, None) } else { (None, parser) };
    Ok(Shape { framing, merge, rules, parser, line_parsers })
}

/// What `multiline.parser` names: a framing, or rules.
fn multiline(keys: &Keys<'_>, around: &Around<'_>) -> At<(Option<Framing>, Vec<Arc<MultilinePlan>>)> {
    let (mut framing, mut rules) = (None, Vec::new());
    for entry in keys.all("multiline.parser") {
        for name in entry.value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let named = match name.to_ascii_lowercase().as_str() {
                "docker" => Framing::Docker,
                "cri" => Framing::Cri,
                _ => {
                    let plan = multiline_named(&around.parsers, entry, name)?;
                    if plan.parser.is_some() {
                        let why = "its text would be parsed before it is joined; name the parser in `Parser` instead";
                        return Err((entry.line, Problem::Refused { what: format!("Parser of `{name}`"), why }));
                    }
                    rules.push(plan);
                    continue;
                }
            };
            framing = Some(if framing.is_none_or(|framing| framing == named) { named } else { Framing::Either });
        }
    }
    Ok((framing, rules))
}

/// What `Multiline` asks for.
fn first_line(keys: &Keys<'_>, around: &Around<'_>) -> At<Option<FirstLine>> {
    let on = keys.boolean("Multiline", false)?;
    let flush_ms = keys.millis("Multiline_Flush", 4_000, 1, 3_600_000)?;
    let further = FURTHER.iter().filter_map(|key| keys.get(key));
    let mut parsers =
        further.map(|entry| parser_named(&around.parsers, entry, &entry.value)).collect::<At<Vec<_>>>()?;
    let first = match keys.get("Parser_Firstline") {
        Some(entry) if on => entry,
        None if on => return Err((keys.place(), Problem::Missing("Parser_Firstline"))),
        _ => return Ok(None),
    };
    let parser = parser_named(&around.parsers, first, &first.value)?;
    let Format::Regex(pattern) = &parser.format else {
        return Err((first.line, bad(first, "a parser with `Format regex`, which tells a first line from others")));
    };
    let rule = MultilinePlan::first_line(&parser.name, pattern.clone(), flush_ms);
    parsers.insert(0, parser);
    Ok(Some((Arc::new(rule), parsers)))
}

/// What `Parser` names: a framing, or a parser of the text. Lines that `multiline.parser` or
/// `Docker_Mode` takes apart need no second parser for the same.
fn own(
    entry: &Entry,
    parsers: &Parsers,
    joined: Option<Framing>,
    docker_mode: bool,
) -> At<(Option<Framing>, Option<Arc<ParserPlan>>)> {
    let lower = entry.value.to_ascii_lowercase();
    if lower == "none" {
        return Ok((None, None));
    }
    let known = parsers.get(&entry.value).is_none() && matches!(lower.as_str(), "docker" | "cri");
    let plan = parser_named(parsers, entry, if known { &lower } else { &entry.value })?;
    let usual = Parsers::built_in().get(&plan.name) == Some(&plan);
    Ok(match plan.name.as_str() {
        "docker" if usual => (Some(Framing::Docker), None),
        "cri" if usual => (Some(Framing::Cri), None),
        "docker" | "cri" if joined.is_some() => (None, None),
        _ if docker_mode && plan.takes_objects_as_they_are() => (None, None),
        _ if docker_mode => {
            let what = format!("`Docker_Mode` with the parser `{}`", plan.name);
            let why = "it would have to parse lines that are joined already; use `multiline.parser docker`, and a `parser` filter for the text";
            return Err((entry.line, Problem::Refused { what, why }));
        }
        _ => (None, Some(plan)),
    })
}
