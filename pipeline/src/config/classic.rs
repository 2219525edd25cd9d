//! Fluent Bit's classic format: lines into sections and keys.
//!
//! ```text
//! @SET logs=/var/log            from here on ${logs} stands for it, in every file
//! @INCLUDE inputs/*.conf        files of either format, relative to this one, in order of their names
//! [INPUT]                       keys in any case, indented by any blanks; `Name` says which plugin
//!     Path   ${logs}/*.log      ${NAME} is a variable of @SET or of the environment
//!     # comment                 whole lines only
//! ```
//! Values of `[PARSER]` and `[MULTILINE_PARSER]` stay as they are: in a regular expression `${` is no variable.

use super::{
    Entry, Section, SectionKind,
    error::{At, Place, Problem},
    files::Files,
    nearest::nearest,
};

const SECTIONS: &[&str] = &["SERVICE", "INPUT", "FILTER", "OUTPUT", "PARSER", "MULTILINE_PARSER", "UPSTREAM", "NODE"];
/// Sections that Fluent Bit has and this program has not, and why.
const REFUSED: &[(&str, &str)] = &[
    ("STREAM_TASK", "there is no stream processor; filter and tag records instead"),
    ("CUSTOM", "there are no custom plugins; remove the section"),
];

/// Adds what `text`, the content of file number `file`, says.
pub(super) fn read(files: &mut Files<'_>, file: u16, text: &str) -> At<()> {
    // Where the keys belong; an included file ends the section before it.
    let mut open = None;
    for (index, raw) in text.lines().enumerate() {
        let at = Place { file, line: index as u32 + 1 };
        let fail = |problem| (at, problem);
        if let Some(control) = raw.chars().find(|&c| c.is_control() && c != '\t') {
            return Err(fail(Problem::Control(control)));
        }
        let line = raw.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('@') {
            command(files, line, at)?;
            open = None;
        } else if line.starts_with('[') {
            let kind = heading(line).map_err(fail)?;
            files.sections.push(Section::new(kind, at));
            open = Some(files.sections.len() - 1);
        } else {
            let (key, value) = key_and_value(line).map_err(fail)?;
            let Some(section) = open else { return Err(fail(Problem::Homeless(key.to_owned()))) };
            let verbatim = matches!(files.sections[section].kind, SectionKind::Parser | SectionKind::MultilineParser);
            let value = if verbatim { value.to_owned() } else { files.expand(value).map_err(fail)? };
            files.sections[section].entries.push(Entry { key: key.to_owned(), value, line: at });
        }
    }
    Ok(())
}

fn command(files: &mut Files<'_>, line: &str, at: Place) -> At<()> {
    let word = first_word(line);
    let rest = line[word.len()..].trim();
    match word.to_ascii_uppercase().as_str() {
        "@INCLUDE" if rest.is_empty() => Err((at, Problem::Empty(word.to_owned()))),
        "@INCLUDE" => {
            let pattern = files.expand(rest).map_err(|problem| (at, problem))?;
            files.include(&pattern, at)
        }
        "@SET" => {
            let (name, value) = rest.split_once('=').ok_or((at, Problem::Set(rest.to_owned())))?;
            let value = files.expand(value.trim()).map_err(|problem| (at, problem))?;
            files.set(name.trim(), value).map_err(|problem| (at, problem))
        }
        _ => Err((at, Problem::Command(word.to_owned()))),
    }
}

fn heading(line: &str) -> Result<SectionKind, Problem> {
    let name = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let name = name.ok_or_else(|| Problem::Heading(line.to_owned()))?.trim();
    if let Some((word, why)) = REFUSED.iter().find(|(word, _)| word.eq_ignore_ascii_case(name)) {
        return Err(Problem::Refused { what: format!("[{word}]"), why });
    }
    Ok(match name.to_ascii_uppercase().as_str() {
        "SERVICE" => SectionKind::Service,
        "INPUT" => SectionKind::Input,
        "FILTER" => SectionKind::Filter,
        "OUTPUT" => SectionKind::Output,
        "PARSER" => SectionKind::Parser,
        "MULTILINE_PARSER" => SectionKind::MultilineParser,
        "UPSTREAM" => SectionKind::Upstream,
        "NODE" => SectionKind::Node,
        "PLUGINS" => SectionKind::Plugins,
        _ => {
            let nearest = nearest(name, SECTIONS);
            return Err(Problem::Unknown { what: "section", word: name.to_owned(), nearest, known: SECTIONS });
        }
    })
}

fn key_and_value(line: &str) -> Result<(&str, &str), Problem> {
    let key = first_word(line);
    match line[key.len()..].trim() {
        "" => Err(Problem::Empty(key.to_owned())),
        value => Ok((key, value)),
    }
}

fn first_word(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}
