//! The configuration of a process with every file that it names: looked up once, copied unchanged.
//!
//! A word in a configuration that is the name of a file beside it (`Parsers_File parsers.conf`, `script x.lua`) means that
//! file, so the bundle needs to know no keys.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use super::Source;
use crate::library;

/// Longest file of a bundle, bytes.
const LONGEST: u64 = 1 << 20;
/// Most files of a bundle.
const MOST: usize = 64;

/// A configuration with the files it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bundle {
    /// Name of the configuration among the files.
    pub name: String,
    /// Text of each file by its name.
    pub files: BTreeMap<String, String>,
}

impl Bundle {
    /// The variables (`${NAME}`) that the files use and do not set themselves, in order, each once.
    pub(super) fn variables(&self) -> Vec<&str> {
        let is_config = |name: &str| [".conf", ".yaml", ".yml"].iter().any(|end| name.ends_with(end));
        let files = self.files.iter().filter(|(name, _)| is_config(name));
        let lines = || files.clone().flat_map(|(_, text)| text.lines()).map(str::trim).filter(|l| !l.starts_with('#'));
        let sets = |line: &str, name: &str| {
            let line = line.strip_prefix("@SET").map_or(line, str::trim_start);
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['=', ':']))
        };
        let mut used: Vec<&str> = lines()
            .flat_map(|line| line.split("${").skip(1))
            .filter_map(|rest| rest.split_once('}'))
            .map(|(name, _)| name)
            .filter(|name| !lines().any(|line| sets(line, name)))
            .collect();
        used.sort_unstable();
        used.dedup();
        used
    }
}

/// Reads `name` and what it names: from the scenario's folder, else from what is shipped.
pub(super) fn bundle(source: &Source, name: &str) -> Result<Bundle, String> {
    if !is_file_name(name) {
        return Err("name a file beside the scenario or a shipped configuration, without folders".to_owned());
    }
    let mut files = BTreeMap::new();
    let mut open = vec![name.to_owned()];
    while let Some(next) = open.pop() {
        let Some(text) = find(source, &next)? else {
            if next == name {
                return Err(format!(
                    "there is no such file beside the scenario, and none is shipped; shipped: {}",
                    shipped()
                ));
            }
            continue;
        };
        let words = text.split(|c: char| c.is_whitespace() || c == '"' || c == '\'');
        let named = words.filter(|word| is_file_name(word) && word.contains('.') && !files.contains_key(*word));
        open.extend(named.map(str::to_owned));
        files.insert(next, text);
        if files.len() > MOST {
            return Err(format!("it names more than {MOST} files"));
        }
    }
    Ok(Bundle { name: name.to_owned(), files })
}

/// The text of one file, `None` if there is none of that name.
fn find(source: &Source, name: &str) -> Result<Option<String>, String> {
    if let Some(text) = source.folder.as_deref().map_or(Ok(None), |folder| read(&folder.join(name)))? {
        return Ok(Some(text));
    }
    Ok(library::file(name).or_else(|| pipeline::configs::find(name)).map(str::to_owned))
}

fn read(path: &Path) -> Result<Option<String>, String> {
    let Ok(about) = std::fs::metadata(path) else { return Ok(None) };
    if !about.is_file() {
        return Ok(None);
    }
    if about.len() > LONGEST {
        return Err(format!("{} has {} bytes, more than the {LONGEST} allowed", path.display(), about.len()));
    }
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    Ok(Some(text))
}

fn shipped() -> String {
    let names: Vec<&str> = pipeline::configs::ALL.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

/// True for a plain name that leads out of no folder.
fn is_file_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=100).contains(&name.len()) && !name.starts_with(['.', '-']) && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(folder: Option<&Path>) -> Source {
        Source { origin: "x.toml".into(), text: String::new(), folder: folder.map(Path::to_owned) }
    }

    #[test]
    fn a_shipped_configuration_comes_with_the_files_it_names() {
        let bundle = bundle(&source(None), "sidecar-syslog.conf").unwrap();
        let names: Vec<&str> = bundle.files.keys().map(String::as_str).collect();
        assert_eq!(names, ["parsers.conf", "sidecar-syslog.conf", "sidecar-syslog.lua"]);
        assert_eq!(Some(bundle.files["parsers.conf"].as_str()), pipeline::configs::find("parsers.conf"));
    }

    #[test]
    fn a_file_beside_the_scenario_goes_before_a_shipped_one() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        std::fs::write(folder.path().join("parsers.conf"), "# mine\n").unwrap();
        std::fs::write(folder.path().join("own.conf"), "[SERVICE]\n    Parsers_File parsers.conf\n").unwrap();
        let bundle = bundle(&source(Some(folder.path())), "own.conf").unwrap();
        assert_eq!(bundle.files["parsers.conf"], "# mine\n");
        assert_eq!(bundle.files.len(), 2);
    }

    #[test]
    fn the_variables_that_a_scenario_has_to_give_are_those_that_no_file_sets() {
        let text = "# ${NO}\n@SET A=1\n[INPUT]\n    Path ${LOGS}/${A}/${B}.log\n    Tag ${LOGS}\n    Key x$ {y ${z\n";
        let files = BTreeMap::from([("a.conf".to_owned(), text.to_owned()), ("a.lua".to_owned(), "${C}".to_owned())]);
        assert_eq!(Bundle { name: "a.conf".to_owned(), files }.variables(), ["B", "LOGS"]);
    }

    #[test]
    fn what_is_nowhere_or_elsewhere_is_refused() {
        let error = bundle(&source(None), "agregator.conf").unwrap_err();
        assert!(error.contains("aggregator.conf"), "{error}");
        for name in ["../aggregator.conf", "/etc/passwd", "", ".conf"] {
            assert!(bundle(&source(None), name).unwrap_err().contains("without folders"), "{name}");
        }
    }
}
