//! A job of a recipe, and performing it as the service documents: which shell, which folder, which environment.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{checkout::Checkout, yaml::Yaml};
use crate::support::{Ended, start_command};

/// Which service performs the recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    GitHub,
    GitLab,
}

/// What runs, in order, and what is kept afterwards.
pub(super) struct Job {
    service: Service,
    steps: Vec<Step>,
    kept: Vec<String>,
}

/// Commands that one shell performs.
struct Step {
    script: String,
    env: BTreeMap<String, String>,
}

/// What a test changes of a recipe to be done in time.
pub(super) struct Around {
    /// Instead of the recipe's `RUN_ARGS`; `None`: the recipe's own.
    pub(super) run_args: Option<&'static str>,
    /// Looked for programs first.
    pub(super) first_in_path: Option<PathBuf>,
    /// When the gate may look; `None`: as it does.
    pub(super) looks: Option<&'static str>,
    /// Seconds for a step.
    pub(super) patience: u64,
}

/// What came of a job.
pub(super) struct Done {
    /// The last step that ran.
    pub(super) last: Ended,
    /// What GitHub shows of that step.
    pub(super) summary: String,
}

impl Job {
    /// The only job of `.github/workflows/tailproof.yml`, for a pull request onto `base`.
    pub(super) fn github(checkout: &Checkout, base: &str) -> Self {
        let text = fs::read_to_string(checkout.folder().join(".github/workflows/tailproof.yml")).unwrap();
        let workflow = Yaml::parse(&text);
        assert!(workflow.at("on").get("pull_request").is_some(), "it runs for pull requests");
        let [(_, job)] = workflow.at("jobs").map() else { panic!("more than one job") };
        let (mut steps, mut kept) = (Vec::new(), Vec::new());
        for step in job.at("steps").list() {
            let used = step.get("uses").map(|name| name.word().split('@').next().unwrap().to_owned());
            match used.as_deref() {
                Some("actions/checkout") => {
                    assert_eq!(
                        step.at("with").at("fetch-depth").word(),
                        "0",
                        "without it the base is not in the clone"
                    );
                }
                Some("actions/upload-artifact") => {
                    kept.extend(step.at("with").at("path").word().lines().map(str::to_owned));
                }
                Some(other) => panic!("what does {other} do?"),
                None => steps.push(Step { script: told(step.at("run").word(), base), env: env(step.get("env"), base) }),
            }
        }
        Self { service: Service::GitHub, steps, kept }
    }

    /// The only job of `docs/gitlab-ci.yml`.
    pub(super) fn gitlab(checkout: &Checkout) -> Self {
        let text = fs::read_to_string(checkout.folder().join("docs/gitlab-ci.yml")).unwrap();
        let recipe = Yaml::parse(&text);
        let [(_, job)] = recipe.map() else { panic!("more than one job") };
        let lines: Vec<&str> = job.at("script").list().iter().map(Yaml::word).collect();
        let artifacts = job.at("artifacts");
        let mut kept: Vec<String> = artifacts.at("paths").list().iter().map(|path| path.word().to_owned()).collect();
        kept.push(artifacts.at("reports").at("junit").word().to_owned());
        let env = env(job.get("variables"), "");
        assert_eq!(env["GIT_DEPTH"], "0", "without it the base is not in the clone");
        // All lines of a job are one script.
        Self { service: Service::GitLab, steps: vec![Step { script: lines.join("\n"), env }], kept }
    }

    /// Performs it in a checkout, until a step fails.
    pub(super) fn perform(&self, checkout: &Checkout, base: &str, around: &Around) -> Done {
        let mut done = None;
        for (nth, step) in self.steps.iter().enumerate() {
            let summary = checkout.beside(&format!("summary-{nth}"));
            fs::write(&summary, "").unwrap();
            let script = checkout.beside(&format!("step-{nth}.sh"));
            fs::write(&script, &step.script).unwrap();
            let mut command = self.shell(&script);
            command.current_dir(checkout.folder());
            self.surround(&mut command, checkout, base, &summary);
            command.envs(&step.env);
            around.apply(&mut command);
            let last = start_command(command, format!("step {nth}: {}", step.script)).wait(around.patience);
            let failed = last.code != 0;
            done = Some(Done { last, summary: fs::read_to_string(summary).unwrap() });
            if failed {
                break;
            }
        }
        for path in &self.kept {
            assert!(checkout.folder().join(path).exists(), "{path} is to be kept, and there is none");
        }
        done.expect("a job has steps")
    }

    /// Without `shell:` a step of GitHub is a file that `bash -e` performs; a job of GitLab stops at the first failure, in a pipe too.
    fn shell(&self, script: &Path) -> Command {
        let mut command = Command::new("bash");
        command.args(match self.service {
            Service::GitHub => &["-e"][..],
            Service::GitLab => &["-eo", "pipefail"][..],
        });
        command.arg(script);
        command
    }

    fn surround(&self, command: &mut Command, checkout: &Checkout, base: &str, summary: &Path) {
        let folder = checkout.folder();
        command.env_remove("CARGO_TARGET_DIR").env("CI", "true");
        for name in ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITLAB_CI"] {
            command.env_remove(name);
        }
        match self.service {
            Service::GitHub => command
                .env("GITHUB_ACTIONS", "true")
                .env("GITHUB_EVENT_NAME", "pull_request")
                .env("GITHUB_WORKSPACE", folder)
                .env("GITHUB_STEP_SUMMARY", summary),
            Service::GitLab => command
                .env("GITLAB_CI", "true")
                .env("CI_PIPELINE_SOURCE", "merge_request_event")
                .env("CI_PROJECT_DIR", folder)
                .env("CI_MERGE_REQUEST_DIFF_BASE_SHA", base),
        };
    }
}

impl Around {
    fn apply(&self, command: &mut Command) {
        if let Some(words) = self.run_args {
            command.env("RUN_ARGS", words);
        }
        if let Some(looks) = self.looks {
            command.env("LOOKS", looks);
        }
        if let Some(folder) = &self.first_in_path {
            command.env("PATH", first(folder));
        }
    }

    /// The same for a command line that a person types.
    pub(super) fn typed(&self, line: &str, checkout: &Checkout) -> Ended {
        let mut command = Command::new("bash");
        command.args(["-ec", line]).current_dir(checkout.folder()).env_remove("CARGO_TARGET_DIR");
        self.apply(&mut command);
        start_command(command, line.to_owned()).wait(self.patience)
    }
}

fn first(folder: &Path) -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path))).unwrap()
}

fn env(entries: Option<&Yaml>, base: &str) -> BTreeMap<String, String> {
    let entries = entries.map_or(&[][..], Yaml::map);
    entries.iter().map(|(name, value)| (name.clone(), told(value.word(), base))).collect()
}

/// GitHub's expressions, of which the recipe may use one.
fn told(text: &str, base: &str) -> String {
    let told = text.replace("${{ github.event.pull_request.base.sha }}", base);
    assert!(!told.contains("${{"), "an expression that this test does not know: {told}");
    told
}
