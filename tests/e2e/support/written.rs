//! Scenarios that a test writes by itself, small and with what they name beside them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{place, run_folders};

/// A scenario on disk, and a place for its runs.
pub(crate) struct Written {
    folder: tempfile::TempDir,
}

impl Written {
    /// The scenario and the files that lie beside it.
    pub(crate) fn new(scenario: &str, beside: &[(&str, &str)]) -> Self {
        let folder = place();
        std::fs::write(folder.path().join("written.toml"), scenario).unwrap();
        for (name, text) in beside {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self { folder }
    }

    /// What to perform.
    pub(crate) fn scenario(&self) -> String {
        self.folder.path().join("written.toml").display().to_string()
    }

    /// Where its runs go.
    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("runs")
    }

    /// The folder of its latest run.
    pub(crate) fn run(&self) -> PathBuf {
        run_folders(&self.out()).pop().expect("a run folder")
    }
}

/// What happened in a run so far.
pub(crate) fn events(run: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(run.join("events.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Name, hits and evidence of each fault that took effect, in order.
pub(crate) fn took_effect(run: &Path) -> Vec<(String, u64, String)> {
    let healed = events(run).into_iter().filter_map(|event| {
        let fault = event.pointer("/what/fault")?.clone();
        let text = |key: &str| fault[key].as_str().unwrap_or_default().to_owned();
        (text("state") == "healed").then(|| (text("name"), fault["hits"].as_u64().unwrap_or(0), text("detail")))
    });
    healed.collect()
}
