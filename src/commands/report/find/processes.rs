//! What the processes of a deployment leave: each has a folder of its own in that of the run.

use std::path::Path;

use results::{event::What, run::StoredRun};

use super::{MOST, end, start};

/// Endings of configurations.
const CONFIGURATIONS: [&str; 3] = ["conf", "yaml", "yml"];
/// Files that are read at most.
const MOST_FILES: usize = 64;

/// The configurations they ran with, each once and under the names of all that had it.
pub(super) fn configurations(folder: &Path, run: &StoredRun) -> Option<String> {
    let mut texts: Vec<(Vec<String>, String)> = Vec::new();
    let files = names(run).into_iter().flat_map(|name| files(folder, &name)).take(MOST_FILES);
    for file in files {
        let Some(text) = start(&folder.join(&file)) else { continue };
        match texts.iter_mut().find(|(_, known)| *known == text) {
            Some((names, _)) => names.push(file),
            None => texts.push((vec![file], text)),
        }
    }
    joined(texts)
}

/// The last that each said.
pub(super) fn logs(folder: &Path, run: &StoredRun) -> Option<String> {
    let log = |name: String| {
        let file = format!("{name}/agent.log");
        end(&folder.join(&file)).filter(|text| !text.trim().is_empty()).map(|text| (vec![file], text))
    };
    joined(names(run).into_iter().take(MOST_FILES).filter_map(log).collect())
}

/// Their names, as far as a name is one harmless folder.
fn names(run: &StoredRun) -> Vec<String> {
    let told = run.events.iter().find_map(|event| match &event.what {
        What::Topology(topology) => Some(topology.processes.clone()),
        _ => None,
    });
    let mut names = told.unwrap_or_default();
    names.retain(|name| !name.starts_with('.') && !name.contains('/'));
    names
}

fn files(folder: &Path, name: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join(name)).into_iter().flatten().flatten();
    let is_one =
        |file: &String| CONFIGURATIONS.iter().any(|end| Path::new(file).extension().is_some_and(|is| is == *end));
    let mut files: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(is_one).collect();
    files.sort();
    files.into_iter().map(|file| format!("{name}/{file}")).collect()
}

fn joined(texts: Vec<(Vec<String>, String)>) -> Option<String> {
    let mut out = String::new();
    for (names, text) in texts {
        if out.len() + text.len() > MOST as usize {
            out.push_str("# further ones are in the run folder\n");
            break;
        }
        out.push_str(&format!("# ---- {}\n{}\n\n", names.join(", "), text.trim_end()));
    }
    (!out.is_empty()).then_some(out)
}
