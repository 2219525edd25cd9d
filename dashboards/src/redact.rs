//! Reports for other eyes: what must not be told is taken out of a run before anything is made of it, so that no form of report
//! can show it.
//!
//! ```text
//!  paths     pods/web-00/0.log       ─▸  path1/path2/path3      the same name for the same part, wherever it is told
//!  hosts     store.example.org:9200  ─▸  host1:9200             addresses and names; processor and kernel are left out
//!  payload   what records say        ─▸  left out
//! ```
//! Whatever is asked for, texts that nobody can look through are left out whole: the agent's configuration, its log, the autopsy,
//! and of the scenario all but its question and its contract.

mod hosts;
mod paths;
mod visit;

use std::{collections::BTreeSet, str::FromStr};

use results::{
    event::{Event, What},
    run::StoredRun,
};
use serde_json::{Map, Value};
use thiserror::Error;

use self::{hosts::Hosts, paths::Paths, visit::Text};
use crate::report::Beside;

/// What stands where something was left out.
const LEFT_OUT: &str = "left out of this report on request";
/// Facts of the machine that tell nobody which one it is.
const PLAIN_FACTS: [&str; 4] = ["tailproof", "build", "cores", "file_system"];

/// What a report must not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Secret {
    /// Names of files and folders, and of streams that these are called after.
    Paths,
    /// Addresses and names of machines, and what this one is.
    Hosts,
    /// What records say.
    Payload,
}

impl Secret {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Paths, Self::Hosts, Self::Payload];

    /// Its name on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Paths => "paths",
            Self::Hosts => "hosts",
            Self::Payload => "payload",
        }
    }
}

/// A word that names nothing to be left out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is nothing that can be left out; name paths, hosts, payload, or several with commas between")]
pub struct NoSecret(String);

impl FromStr for Secret {
    type Err = NoSecret;

    fn from_str(text: &str) -> Result<Self, NoSecret> {
        Self::ALL.into_iter().find(|secret| secret.word() == text).ok_or_else(|| NoSecret(text.to_owned()))
    }
}

/// Takes the secrets out of a run and of what lies beside it. `names` are the streams as the books name them: they stand in for
/// a timeline that was cut off before it named any. Nothing is changed where nothing is secret.
pub fn redact(run: &mut StoredRun, beside: &mut Beside, names: &[String], secrets: &BTreeSet<Secret>) {
    if secrets.is_empty() {
        return;
    }
    if !run.events.iter().any(|event| matches!(event.what, What::Begun(_))) {
        run.events.insert(0, Event { t_us: 0, what: What::Begun(names.to_vec()) });
    }
    run.manifest.settled = told_of_scenario(&run.manifest.settled);
    for text in [&mut beside.agent_conf, &mut beside.agent_log, &mut beside.autopsy] {
        *text = text.as_ref().map(|_| LEFT_OUT.to_owned());
    }
    if secrets.contains(&Secret::Paths) {
        let mut paths = Paths::default();
        paths.learn_path(&run.path.display().to_string());
        visit::run(run, &mut |kind, text| paths.learn(kind, text));
        visit::run(run, &mut |kind, text| *text = paths.hidden(kind, text));
        let hidden = paths.hidden(Text::Path, &run.path.display().to_string());
        run.path = hidden.into();
    }
    if secrets.contains(&Secret::Hosts) {
        let mut hosts = Hosts::default();
        visit::run(run, &mut |_, text| *text = hosts.hidden(text));
        let hidden = hosts.hidden(&run.path.display().to_string());
        run.path = hidden.into();
        run.manifest.environment = plain_facts(&run.manifest.environment);
    }
}

/// The parts of a scenario that reports rest upon and that are no free text of the load.
fn told_of_scenario(settled: &Value) -> Value {
    let kept = ["question", "contract", "warm_up", "measure", "drain"];
    let mut told: Map<String, Value> =
        kept.iter().filter_map(|key| Some(((*key).to_owned(), settled.get(*key)?.clone()))).collect();
    told.insert("the_rest".to_owned(), LEFT_OUT.into());
    Value::Object(told)
}

fn plain_facts(environment: &Value) -> Value {
    let mut told: Map<String, Value> =
        PLAIN_FACTS.iter().filter_map(|key| Some(((*key).to_owned(), environment.get(*key)?.clone()))).collect();
    told.insert("the_rest".to_owned(), LEFT_OUT.into());
    Value::Object(told)
}

#[cfg(test)]
mod tests;
