//! Where a run was performed: only figures from the same place may be compared.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A machine and how the bench was built on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Model of its processor.
    pub cpu: String,
    /// Processors that the bench may use.
    pub cores: u64,
    /// Release of its kernel, without what distributors append.
    pub kernel: String,
    /// File system of the run.
    pub file_system: String,
    /// `release` or `debug`.
    pub build: String,
    /// Version of the bench.
    pub bench: String,
}

impl Machine {
    /// From the environment that a manifest keeps. What an older bench did not note is empty.
    pub fn of(environment: &Value) -> Self {
        let text = |key: &str| environment.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let kernel = text("kernel");
        let end = kernel.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(kernel.len());
        Self {
            cpu: text("cpu"),
            cores: environment.get("cores").and_then(Value::as_u64).unwrap_or(0),
            kernel: kernel[..end].to_owned(),
            file_system: text("file_system"),
            build: text("build"),
            bench: text("tailproof"),
        }
    }

    /// What is different over there, one phrase each; empty if nothing is.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let told = |text: &str| if text.is_empty() { "not noted".to_owned() } else { text.to_owned() };
        let fields = [
            ("processor", &self.cpu, &other.cpu),
            ("kernel", &self.kernel, &other.kernel),
            ("file system", &self.file_system, &other.file_system),
            ("build", &self.build, &other.build),
            ("bench", &self.bench, &other.bench),
        ];
        let mut found: Vec<String> = fields
            .into_iter()
            .filter(|(_, left, right)| left != right)
            .map(|(what, left, right)| format!("{what} {} instead of {}", told(right), told(left)))
            .collect();
        if self.cores != other.cores {
            found.insert(0, format!("{} cores instead of {}", other.cores, self.cores));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Machine {
        Machine::of(&serde_json::json!({
            "cpu": "AMD EPYC", "cores": 2, "kernel": "6.18.3-cloud-amd64", "file_system": "ext4", "build": "release", "tailproof": "0.1.0"
        }))
    }

    #[test]
    fn what_a_distributor_appends_to_the_kernel_is_no_difference() {
        assert_eq!(here().kernel, "6.18.3");
        assert!(here().differences(&here()).is_empty());
    }

    #[test]
    fn each_difference_is_named_with_both_sides() {
        let there = Machine { cores: 4, build: "debug".into(), cpu: String::new(), ..here() };
        let told = here().differences(&there).join("; ");
        assert_eq!(
            told,
            "4 cores instead of 2; processor not noted instead of AMD EPYC; build debug instead of release"
        );
    }
}
