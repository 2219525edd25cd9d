//! Lines into sections and keys; variables are expanded here, in values only.

use super::{
    Entry, Section, SectionKind,
    error::{At, Place, Problem},
    nearest::nearest,
};

const SECTIONS: &[&str] = &["SERVICE", "INPUT", "FILTER", "OUTPUT", "PARSER", "MULTILINE_PARSER", "UPSTREAM", "NODE"];
/// Sections that Fluent Bit has and this program has not, and why.
const REFUSED: &[(&str, &str)] = &[
    ("PLUGINS", "plugins are not loaded at run time; remove the section"),
    ("STREAM_TASK", "there is no stream processor; filter and tag records instead"),
    ("CUSTOM", "there are no custom plugins; remove the section"),
];

pub(super) fn sections(text: &str, env: &dyn Fn(&str) -> Option<String>) -> At<Vec<Section>> {
    let mut sections: Vec<Section> = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let at = Place::from(index + 1);
        let fail = |problem| (at, problem);
        if let Some(control) = raw.chars().find(|&c| c.is_control() && c != '\t') {
            return Err(fail(Problem::Control(control)));
        }
        let line = raw.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('@') {
            return Err(fail(Problem::Command(first_word(line).to_owned())));
        }
        if line.starts_with('[') {
            let kind = heading(line).map_err(fail)?;
            sections.push(Section::new(kind, at));
            continue;
        }
        let entry = entry(line, at, env).map_err(fail)?;
        match sections.last_mut() {
            Some(section) => section.entries.push(entry),
            None => return Err(fail(Problem::Homeless(entry.key))),
        }
    }
    Ok(sections)
}

fn first_word(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

fn heading(line: &str) -> Result<SectionKind, Problem> {
    let name = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let name = name.ok_or_else(|| Problem::Heading(line.to_owned()))?.trim();
    if let Some((word, why)) = REFUSED.iter().find(|(word, _)| word.eq_ignore_ascii_case(name)) {
        return Err(Problem::Refused { what: format!("[{word}]"), why });
    }
    match name.to_ascii_uppercase().as_str() {
        "SERVICE" => Ok(SectionKind::Service),
        "INPUT" => Ok(SectionKind::Input),
        "FILTER" => Ok(SectionKind::Filter),
        "OUTPUT" => Ok(SectionKind::Output),
        "PARSER" => Ok(SectionKind::Parser),
        "MULTILINE_PARSER" => Ok(SectionKind::MultilineParser),
        "UPSTREAM" => Ok(SectionKind::Upstream),
        "NODE" => Ok(SectionKind::Node),
        _ => Err(Problem::Unknown {
            what: "section",
            word: name.to_owned(),
            nearest: nearest(name, SECTIONS),
            known: SECTIONS,
        }),
    }
}

fn entry(line: &str, at: Place, env: &dyn Fn(&str) -> Option<String>) -> Result<Entry, Problem> {
    let key = first_word(line);
    let value = line[key.len()..].trim();
    if value.is_empty() {
        return Err(Problem::Empty(key.to_owned()));
    }
    Ok(Entry { key: key.to_owned(), value: expand(value, env)?, line: at })
}

fn expand(value: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Problem> {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(start) = rest.find("${") {
        let name = &rest[start + 2..];
        let end = name.find('}').ok_or(Problem::OpenVariable)?;
        out.push_str(&rest[..start]);
        out.push_str(&env(&name[..end]).ok_or_else(|| Problem::Variable(name[..end].to_owned()))?);
        rest = &name[end + 1..];
    }
    out.push_str(rest);
    match out.chars().find(|c| c.is_control() && *c != '\t') {
        Some(control) => Err(Problem::Control(control)),
        None => Ok(out),
    }
}
