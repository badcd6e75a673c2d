//! The runs folder as a command meets it: the database open, the dead told from the living.

use std::path::{Path, PathBuf};

use crate::cli::arguments::Arguments;
use crate::cli::error::Error;
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::run::bundle::Bundle;
use crate::run::lock::RunLock;
use crate::store::Store;

/// Where runs lie: `--runs`, else `$MTL_RUNS`, else `./runs`.
pub fn layout(arguments: &Arguments) -> Layout {
    let root = arguments.runs.clone().or_else(|| std::env::var_os("MTL_RUNS").map(PathBuf::from));
    Layout::new(root.unwrap_or_else(|| PathBuf::from("runs")))
}

/// Opens the database, made if it is not there, and marks runs whose process is dead.
pub fn open(layout: &Layout) -> Result<Store, Error> {
    std::fs::create_dir_all(layout.root()).map_err(Error::io("create", layout.root()))?;
    let store = Store::open(&layout.database())?;
    let dead: Vec<RunId> =
        store.running()?.into_iter().filter(|run| !RunLock::is_held(layout, run)).collect();
    store.mark_interrupted(&dead)?;
    Ok(store)
}

/// Opens the database that must be there already.
pub fn open_existing(layout: &Layout) -> Result<Store, Error> {
    if !layout.database().exists() {
        return Err(crate::store::Error::Absent { path: layout.database() }.into());
    }
    open(layout)
}

/// The model a user names: a bundle's folder if there is one of that name, else a run's best trial.
pub fn bundle(arguments: &Arguments, name: &str) -> Result<Bundle, Error> {
    let folder = Path::new(name);
    if folder.is_dir() {
        return Ok(Bundle::read(folder)?);
    }
    let layout = layout(arguments);
    if !layout.database().exists() {
        return Err(Error::Failed(format!(
            "`{name}` is no folder, and there is no database of runs at {}",
            layout.database().display()
        )));
    }
    let store = open(&layout)?;
    let (run, number) = trial(&store, name)?;
    Ok(Bundle::read(&layout.trial(&run, number))?)
}

/// The trial a user names: `RUN#3`, or of a run its best one.
pub fn trial(store: &Store, name: &str) -> Result<(RunId, u32), Error> {
    let (run, number) = named(store, name)?;
    let number = match number {
        Some(number) => number,
        None => store.best_trial(&run)?.unwrap_or(1),
    };
    Ok((run, number))
}

/// The run a user names, and the trial if one is named: `RUN#3`.
pub fn named(store: &Store, name: &str) -> Result<(RunId, Option<u32>), Error> {
    let Some((run, number)) = name.split_once('#') else { return Ok((store.resolve_run(name)?, None)) };
    let run = store.resolve_run(run)?;
    let known: Vec<u32> = store.objectives(&run)?.iter().map(|trial| trial.trial).collect();
    match number.parse().ok().filter(|number| known.contains(number)) {
        Some(number) => Ok((run, Some(number))),
        None => Err(Error::Usage(format!(
            "`{run}` has no trial `{number}`; its trials are numbered from 1 to {}",
            known.last().copied().unwrap_or(0)
        ))),
    }
}
