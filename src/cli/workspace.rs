//! The runs folder and its database. Runs whose process is dead are marked as interrupted.

use std::path::PathBuf;

use crate::cli::arguments::Arguments;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::run::lock::RunLock;
use crate::store::ResultsDatabase;

/// The runs folder: `--runs`, else `$MTL_RUNS`, else `./runs`.
pub fn layout(arguments: &Arguments) -> Layout {
    let root = arguments.runs.clone().or_else(|| std::env::var_os("MTL_RUNS").map(PathBuf::from));
    Layout::new(root.unwrap_or_else(|| PathBuf::from("runs")))
}

/// Opens the database for writing, creates it if it does not exist, and marks dead runs as interrupted.
pub fn open(layout: &Layout) -> Result<ResultsDatabase, CliError> {
    std::fs::create_dir_all(layout.root()).map_err(CliError::io("create", layout.root()))?;
    let store = ResultsDatabase::open(&layout.database())?;
    let (dead, _locks) = dead(layout, &store)?;
    store.mark_interrupted(&dead)?;
    Ok(store)
}

/// Opens an existing database for writing.
pub fn open_existing(layout: &Layout) -> Result<ResultsDatabase, CliError> {
    require_database(layout)?;
    open(layout)
}

/// Opens an existing database for reading. Dead runs are marked as interrupted, or only reported if the
/// database is read-only.
pub fn open_for_reading(layout: &Layout) -> Result<ResultsDatabase, CliError> {
    require_database(layout)?;
    let database = layout.database();
    let store = match ResultsDatabase::open(&database) {
        Err(error) if error.is_write_failure() => ResultsDatabase::open_read_only(&database)?,
        opened => opened?,
    };
    store.opening_notes().iter().for_each(|line| output::print_error(&format!("note: {line}")));
    let (dead, _locks) = dead(layout, &store)?;
    match store.mark_interrupted(&dead) {
        Err(error) if error.is_write_failure() => {
            let names: Vec<&str> = dead.iter().map(RunId::as_str).collect();
            let note = "recorded as running, but no process is working on it; its state could not be updated";
            let why = match error {
                crate::store::StoreError::ReadOnly { .. } => String::new(),
                other => format!(" ({other})"),
            };
            output::print_error(&format!("note: {}: {note}{why}", names.join(", ")));
        }
        marked => marked?,
    }
    Ok(store)
}

fn require_database(layout: &Layout) -> Result<(), CliError> {
    let path = layout.database();
    match path.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => Err(crate::store::StoreError::Missing { path }.into()),
        Err(source) => Err(crate::store::StoreError::File { path, source }.into()),
    }
}

/// Runs that are recorded as running, but on which no process works, with their locks. The locks are held
/// until the state is updated, so that no process resumes a run in between.
fn dead(layout: &Layout, store: &ResultsDatabase) -> Result<(Vec<RunId>, Vec<RunLock>), CliError> {
    let held = |run: RunId| RunLock::take_if_dead(layout, &run).map(|lock| (run, lock));
    Ok(store.running()?.into_iter().filter_map(held).unzip())
}
