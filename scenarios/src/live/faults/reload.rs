//! Another configuration and SIGHUP: what the process makes of it is read from its log.

use super::super::processes::Process;
use crate::spec::ReloadOutcome;

/// What the log says of a configuration that is not taken.
const REFUSED: &str = "reload refused";
/// What it says once another one is in force.
const TAKEN: &str = "reloaded";

/// What is put in place, and what is to come of it.
#[derive(Debug, Clone)]
pub(super) struct Reload {
    /// Name of the other configuration.
    pub(super) config: String,
    /// What the process is to make of it.
    pub(super) outcome: ReloadOutcome,
}

impl Reload {
    /// Puts the other configuration in place and sends SIGHUP.
    pub(super) fn ask(&self, process: &Process) -> std::io::Result<()> {
        process.put_config(&self.config)?;
        process.agent.reload();
        Ok(())
    }

    /// Whether the process made of it what it was to, and what was seen. A configuration that was not taken is taken away
    /// again: a restart must find the one that runs.
    pub(super) fn seen(&self, process: &Process, log_len: u64) -> (bool, String) {
        let log = process.agent.log_since(log_len);
        let line = |words: &str| log.lines().find(|line| line.contains(words)).map(str::to_owned);
        let (refused, taken) = (line(REFUSED), line(TAKEN));
        if taken.is_none()
            && let Err(error) = process.put_back()
        {
            return (false, format!("its own configuration could not be put back: {error}"));
        }
        let runs = process.agent.pid().is_some();
        match (self.outcome, refused, taken) {
            (ReloadOutcome::Refused, Some(line), None) if runs => (true, line),
            (ReloadOutcome::Taken, None, Some(line)) if runs => (true, line),
            (_, Some(line), _) | (_, None, Some(line)) => (false, line),
            (_, None, None) => (false, format!("nothing in the log of {} says what it made of it", process.called())),
        }
    }
}
