//! The runs folder as a command meets it: the database open, the dead told from the living.

use std::path::PathBuf;

use crate::cli::arguments::Arguments;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::run::lock::RunLock;
use crate::store::ResultsDatabase;

/// Where runs lie: `--runs`, else `$MTL_RUNS`, else `./runs`.
pub fn layout(arguments: &Arguments) -> Layout {
    let root = arguments.runs.clone().or_else(|| std::env::var_os("MTL_RUNS").map(PathBuf::from));
    Layout::new(root.unwrap_or_else(|| PathBuf::from("runs")))
}

/// Opens the database for writing, made if it is not there, and marks runs whose process is dead.
pub fn open(layout: &Layout) -> Result<ResultsDatabase, CliError> {
    std::fs::create_dir_all(layout.root()).map_err(CliError::io("create", layout.root()))?;
    let store = ResultsDatabase::open(&layout.database())?;
    let (dead, _locks) = dead(layout, &store)?;
    store.mark_interrupted(&dead)?;
    Ok(store)
}

/// Opens the database for writing; it must be there already.
pub fn open_existing(layout: &Layout) -> Result<ResultsDatabase, CliError> {
    must_be_there(layout)?;
    open(layout)
}

/// Opens the database that must be there, for a command that only asks: runs whose process is dead are marked
/// where anything can be written, and told of where it cannot.
pub fn open_for_reading(layout: &Layout) -> Result<ResultsDatabase, CliError> {
    must_be_there(layout)?;
    let database = layout.database();
    let store = match ResultsDatabase::open(&database) {
        Err(error) if error.lacks_writing() => ResultsDatabase::open_read_only(&database)?,
        opened => opened?,
    };
    store.opening_notes().iter().for_each(|line| output::print_error(&format!("note: {line}")));
    let (dead, _locks) = dead(layout, &store)?;
    match store.mark_interrupted(&dead) {
        Err(error) if error.lacks_writing() => {
            let names: Vec<&str> = dead.iter().map(RunId::as_str).collect();
            let note = "recorded as running, but no process works on it; that it was interrupted could not be written down";
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

fn must_be_there(layout: &Layout) -> Result<(), CliError> {
    let path = layout.database();
    match path.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => Err(crate::store::StoreError::Absent { path }.into()),
        Err(source) => Err(crate::store::StoreError::File { path, source }.into()),
    }
}

/// Runs that are recorded as running and on which no process works, with their locks: held while it is
/// written down, nobody goes on with one in between.
fn dead(layout: &Layout, store: &ResultsDatabase) -> Result<(Vec<RunId>, Vec<RunLock>), CliError> {
    let held = |run: RunId| RunLock::of_dead(layout, &run).map(|lock| (run, lock));
    Ok(store.running()?.into_iter().filter_map(held).unzip())
}
