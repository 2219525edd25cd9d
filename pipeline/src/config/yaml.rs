//! Fluent Bit's YAML format, into the same sections as the classic one.
//!
//! ```text
//! env: {logs: /var/log}                     as @SET
//! includes: [inputs/*.yaml]                 as @INCLUDE
//! service: {flush: 1}                       as [SERVICE]
//! parsers: [{name: x, format: json}]        as [PARSER]
//! multiline_parsers: [{name: y, rules: [{state: start_state, regex: '/^a/', next_state: cont}]}]
//! upstream_servers: [{name: z, nodes: [{name: a, host: h, port: 1}]}]
//! pipeline: {inputs: [{name: tail, …}], filters: […], outputs: […]}
//! ```
//! A key with a list is the key given several times.

use super::{
    Entry, Section, SectionKind,
    error::{At, Problem},
    files::Files,
    nearest::nearest,
};

mod tree;

use tree::{Map, Node, What};

const TOP: &[&str] = &["env", "includes", "service", "parsers", "multiline_parsers", "upstream_servers", "pipeline"];
const PIPELINE: &[&str] = &["inputs", "filters", "outputs"];
/// Keys that Fluent Bit has and this program has not, and why.
const REFUSED: &[(&str, &str)] = &[
    ("plugins", "plugins are not loaded at run time; remove it"),
    ("stream_processor", "there is no stream processor; filter and tag records instead"),
    ("customs", "there are no custom plugins; remove it"),
    ("processors", "write them as filters that match the input's tag"),
    ("<<", "merging is not understood; write the keys out"),
];

/// Adds what `text`, the content of file number `file`, says.
pub(super) fn read(files: &mut Files<'_>, file: u16, text: &str) -> At<()> {
    let root = tree::parse(file, text)?;
    let What::Map(top) = root.what else {
        return if root.is_nothing() { Ok(()) } else { Err((root.at, Problem::Shape("keys, as `pipeline:`"))) };
    };
    known("key", &top, TOP)?;
    // Variables first: they are good for the whole file, wherever they stand in it.
    for (name, value) in maps(&top, "env")? {
        let text = scalar(files, name, value)?;
        files.set(&name.text, text).map_err(|problem| (name.at, problem))?;
    }
    if let Some(includes) = top.get("includes") {
        for include in items(includes)? {
            let What::Text(pattern) = &include.what else { return Err((include.at, Problem::Shape("a path"))) };
            let pattern = files.expand(pattern).map_err(|problem| (include.at, problem))?;
            files.include(&pattern, include.at)?;
        }
    }
    if let Some(node) = top.get("service") {
        let section = section(files, SectionKind::Service, node, &[])?;
        files.sections.push(section);
    }
    list(files, &top, "parsers", SectionKind::Parser)?;
    multiline(files, &top)?;
    upstreams(files, &top)?;
    if let Some(node) = top.get("pipeline") {
        let What::Map(pipeline) = &node.what else {
            return Err((node.at, Problem::Shape("keys, as `inputs:`")));
        };
        known("key", pipeline, PIPELINE)?;
        list(files, pipeline, "inputs", SectionKind::Input)?;
        list(files, pipeline, "filters", SectionKind::Filter)?;
        list(files, pipeline, "outputs", SectionKind::Output)?;
    }
    Ok(())
}

fn known(what: &'static str, map: &Map, known: &'static [&'static str]) -> At<()> {
    for (key, _) in &map.0 {
        refused(key)?;
        if !known.contains(&key.text.as_str()) {
            let (word, nearest) = (key.text.clone(), nearest(&key.text, known));
            return Err((key.at, Problem::Unknown { what, word, nearest, known }));
        }
    }
    Ok(())
}

fn refused(key: &tree::Key) -> At<()> {
    match REFUSED.iter().find(|(word, _)| *word == key.text) {
        Some((what, why)) => Err((key.at, Problem::Refused { what: (*what).to_owned(), why })),
        None => Ok(()),
    }
}

/// The keys below `key`, none without it.
fn maps<'a>(map: &'a Map, key: &str) -> At<&'a [(tree::Key, Node)]> {
    match map.get(key) {
        Some(Node { what: What::Map(map), .. }) => Ok(&map.0),
        Some(node) if !node.is_nothing() => Err((node.at, Problem::Shape("keys with values"))),
        _ => Ok(&[]),
    }
}

fn items(node: &Node) -> At<&[Node]> {
    match &node.what {
        What::List(items) => Ok(items),
        _ if node.is_nothing() => Ok(&[]),
        _ => Err((node.at, Problem::Shape("a list, each item after `- `"))),
    }
}

/// Every item below `key` as a section.
fn list(files: &mut Files<'_>, map: &Map, key: &str, kind: SectionKind) -> At<()> {
    let Some(node) = map.get(key) else { return Ok(()) };
    for item in items(node)? {
        let section = section(files, kind, item, &[])?;
        files.sections.push(section);
    }
    Ok(())
}

/// A map as a section, but for the keys `apart`, which the caller reads.
fn section(files: &Files<'_>, kind: SectionKind, node: &Node, apart: &[&str]) -> At<Section> {
    let What::Map(map) = &node.what else { return Err((node.at, Problem::Shape("keys, as `name:`"))) };
    let mut section = Section::new(kind, node.at);
    for (key, value) in &map.0 {
        refused(key)?;
        if apart.contains(&key.text.as_str()) {
            continue;
        }
        let values = if let What::List(values) = &value.what { values.as_slice() } else { std::slice::from_ref(value) };
        for value in values {
            let verbatim = matches!(kind, SectionKind::Parser | SectionKind::MultilineParser);
            let text = if verbatim { plain(key, value)?.to_owned() } else { scalar(files, key, value)? };
            section.entries.push(Entry { key: key.text.clone(), value: text, line: value.at });
        }
    }
    Ok(section)
}

fn plain<'a>(key: &tree::Key, value: &'a Node) -> At<&'a str> {
    match &value.what {
        What::Text(text) if !text.trim().is_empty() => Ok(text.trim_end_matches('\n')),
        What::Text(_) => Err((value.at, Problem::Empty(key.text.clone()))),
        _ => Err((value.at, Problem::Shape("a text, a number or a list of these"))),
    }
}

fn scalar(files: &Files<'_>, key: &tree::Key, value: &Node) -> At<String> {
    files.expand(plain(key, value)?).map_err(|problem| (value.at, problem))
}

/// `rules` become `rule "state" "/expression/" "next"`, as the classic format writes them.
fn multiline(files: &mut Files<'_>, top: &Map) -> At<()> {
    let Some(node) = top.get("multiline_parsers") else { return Ok(()) };
    for item in items(node)? {
        let mut section = section(files, SectionKind::MultilineParser, item, &["rules"])?;
        let What::Map(map) = &item.what else { continue };
        let Some(rules) = map.get("rules") else {
            files.sections.push(section);
            continue;
        };
        for rule in items(rules)? {
            let What::Map(parts) = &rule.what else {
                return Err((rule.at, Problem::Shape("`state`, `regex` and `next_state`")));
            };
            known("key", parts, &["state", "regex", "next_state"])?;
            let part = |name: &'static str| -> At<&str> {
                let (key, value) = parts.entry(name).ok_or((rule.at, Problem::Missing(name)))?;
                plain(key, value)
            };
            let regex = part("regex")?;
            let slashes = if regex.starts_with('/') { "" } else { "/" };
            let value = format!("\"{}\" \"{slashes}{regex}{slashes}\" \"{}\"", part("state")?, part("next_state")?);
            section.entries.push(Entry { key: "rule".to_owned(), value, line: rule.at });
        }
        files.sections.push(section);
    }
    Ok(())
}

fn upstreams(files: &mut Files<'_>, top: &Map) -> At<()> {
    let Some(node) = top.get("upstream_servers") else { return Ok(()) };
    for item in items(node)? {
        let group = section(files, SectionKind::Upstream, item, &["nodes"])?;
        files.sections.push(group);
        let What::Map(map) = &item.what else { continue };
        list(files, map, "nodes", SectionKind::Node)?;
    }
    Ok(())
}
