//! The runs folder as a command meets it: the database open, the dead told from the living.

use std::path::PathBuf;

use crate::cli::arguments::Arguments;
use crate::cli::error::Error;
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
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
    // They are held while it is written: nobody goes on with one in between.
    let held = |run: RunId| RunLock::of_dead(layout, &run).map(|lock| (run, lock));
    let (dead, _locks): (Vec<RunId>, Vec<RunLock>) = store.running()?.into_iter().filter_map(held).unzip();
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
