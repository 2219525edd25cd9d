//! `Parser`, `multiline.parser` and `Docker_Mode`: how a line is framed, which lines belong together, what makes fields of
//! their text.
//!
//! ```text
//! multiline.parser docker, cri      framing, told apart by file; texts in pieces are joined
//! multiline.parser java, mine       rules over the texts of a file
//! Parser nginx                      fields from the text, behind both
//! ```
//! The framings `docker` and `cri`, and `json` as it is built in, are read without taking a line apart.

use std::sync::Arc;

use crate::{
    config::{
        Entry,
        error::{At, Problem},
        keys::Keys,
        plan::Framing,
        shared::Around,
    },
    parse::{
        multiline::MultilinePlan,
        parser::{ParserPlan, Parsers, multiline_named, parser_named},
    },
};

/// What becomes of a line.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) framing: Framing,
    pub(super) merge_json: bool,
    pub(super) rules: Vec<Arc<MultilinePlan>>,
    pub(super) parser: Option<Arc<ParserPlan>>,
}

pub(super) fn plan(keys: &Keys<'_>, around: &Around<'_>) -> At<Shape> {
    let (joined, rules) = multiline(keys, around)?;
    let docker_mode = keys.boolean("Docker_Mode", false)?;
    let (own, merge_json, parser) = match keys.get("Parser") {
        None => (None, false, None),
        Some(entry) => own(entry, &around.parsers)?,
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
        return Err((keys.need("multiline.parser")?.line, Problem::Contradiction(why)));
    }
    Ok(Shape { framing, merge_json, rules, parser })
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

/// What `Parser` names: a framing, JSON to be merged, or a parser of the text.
fn own(entry: &Entry, parsers: &Parsers) -> At<(Option<Framing>, bool, Option<Arc<ParserPlan>>)> {
    match entry.value.to_ascii_lowercase().as_str() {
        "none" => Ok((None, false, None)),
        "cri" => Ok((Some(Framing::Cri), false, None)),
        "docker" => Ok((Some(Framing::Docker), false, None)),
        _ => {
            let plan = parser_named(parsers, entry, &entry.value)?;
            // A parser of that name may have been given another meaning.
            if plan.name == "json" && Parsers::built_in().get("json") == Some(&plan) {
                return Ok((None, true, None));
            }
            Ok((None, false, Some(plan)))
        }
    }
}
