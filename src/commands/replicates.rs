//! Run folders on the command line: found by the beginning of their names, opened, unfolded, none twice.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use dashboards::display::display_whole;
use results::{
    gate::Facts,
    run::{RunError, StoredRun},
};

/// Names told where one is ambiguous.
const MOST_NAMED: usize = 8;

/// The folder of a run: a path that exists, or the only one in `out` whose name begins so.
pub(super) fn folder(run: &Path, out: &Path) -> anyhow::Result<PathBuf> {
    let Some(begin) = run.to_str().filter(|name| !run.exists() && !name.is_empty() && !name.contains('/')) else {
        return Ok(run.to_owned());
    };
    let whole = out.join(begin);
    if whole.is_dir() {
        // Twins of the same second begin with this name, too.
        return Ok(whole);
    }
    let entries = std::fs::read_dir(out).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(begin)))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    match &found[..] {
        [] => {
            let (begin, out) = (display_whole(begin), display_whole(&out.display().to_string()));
            bail!("no run in {out} begins with {begin}; `ls {out}` lists them")
        }
        [only] => Ok(only.clone()),
        several => {
            let name =
                |path: &PathBuf| path.file_name().map_or(String::new(), |name| display_whole(&name.to_string_lossy()));
            let names: Vec<String> = several.iter().take(MOST_NAMED).map(name).collect();
            bail!(
                "{} runs begin with {}: {}{}; name more of it",
                several.len(),
                display_whole(begin),
                names.join(", "),
                if several.len() > MOST_NAMED { ", …" } else { "" }
            )
        }
    }
}

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
