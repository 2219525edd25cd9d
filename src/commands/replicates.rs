//! Run folders on the command line: opened, unfolded, none twice.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use results::{
    gate::Facts,
    run::{RunError, StoredRun},
};

/// What the runs at these paths tell, in the order given. A folder without a run of its own stands for the runs in it.
pub(super) fn facts(paths: &[PathBuf]) -> anyhow::Result<Vec<Facts>> {
    let mut folders = Vec::new();
    for path in paths {
        folders.extend(unfold(path)?);
    }
    folders.iter().map(|folder| Ok(Facts::of(&StoredRun::open(folder)?)?)).collect()
}

/// Fails if a run is named twice: it would count as two measurements, and chance would look like certainty.
pub(super) fn distinct(runs: &[&[Facts]]) -> anyhow::Result<()> {
    let mut seen = Vec::new();
    for run in runs.iter().copied().flatten() {
        let real = Path::new(&run.run).canonicalize().with_context(|| run.run.clone())?;
        if seen.contains(&real) {
            bail!("{} is named twice; each run is one measurement, name it once", run.run);
        }
        seen.push(real);
    }
    Ok(())
}

fn unfold(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let is_run = |path: &Path| path.join("run.json").exists();
    if is_run(path) || !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut runs: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| is_run(path)).collect();
    runs.sort();
    if runs.is_empty() {
        return Err(RunError::NoRun { path: path.to_owned() }.into());
    }
    Ok(runs)
}

/// `RUN[,RUN…]`: a path as it is, if there is such a one; otherwise the paths between the commas.
pub(super) fn listed(side: &str) -> Vec<PathBuf> {
    if Path::new(side).exists() { vec![side.into()] } else { side.split(',').map(PathBuf::from).collect() }
}
