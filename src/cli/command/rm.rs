//! `mtl rm RUN...`: removes the database rows and folders of runs. Cached artifacts stay until `mtl gc`.

use crate::cli::arguments::{Arguments, RmArguments};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{output, run_selector, workspace};
use crate::run::lock::RunLock;

pub fn perform(arguments: &Arguments, args: &RmArguments) -> Result<ExitStatus, CliError> {
    let layout = workspace::layout(arguments);
    let store = workspace::open_existing(&layout)?;
    let runs =
        args.names.iter().map(|run| run_selector::resolve_run(&store, run, "`mtl rm` removes whole runs"));
    let mut runs = runs.collect::<Result<Vec<_>, _>>()?;
    // A run that is named twice is removed once.
    runs.sort();
    runs.dedup();
    // Lock the runs, so that no other process starts to work on them.
    let existing = runs.iter().filter(|run| layout.run(run).is_dir());
    let _locks = existing.map(|run| RunLock::take(&layout, run)).collect::<Result<Vec<_>, _>>()?;
    for run in runs {
        // Rows first: a folder without rows is removed by `mtl gc`, rows without a folder would be wrong.
        store.remove(&run)?;
        let folder = layout.run(&run);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(CliError::io("remove", &folder)(error));
            }
            _ => output::print(&format!("removed {run}"))?,
        }
    }
    Ok(ExitStatus::Done)
}
