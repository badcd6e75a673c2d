//! `mtl resume RUN`: runs the run's own pipeline again under the same name. Finished stages are skipped, and
//! training resumes from its last checkpoint.

use std::path::PathBuf;

use crate::cli::arguments::{Arguments, ResumeArguments};
use crate::cli::command::run::{RunJob, perform_job};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{integrity, output, pipeline, run_selector, workspace};
use crate::domain::event::RunState;
use crate::domain::layout::Layout;
use crate::run::lock::RunLock;
use crate::store::record::RunDetail;

pub fn perform(arguments: &Arguments, args: &ResumeArguments) -> Result<ExitStatus, CliError> {
    continue_run(arguments, args, |layout, detail| {
        // Damaged artifacts and files are rebuilt.
        if detail.state == RunState::Finished && integrity::of_run(layout, detail).is_intact() {
            return Err(format!("{} is finished; nothing to resume", detail.run));
        }
        Ok(Vec::new())
    })
}

/// Resumes a run. `choose` returns the stages to run (all if empty), or a message if there is nothing to do.
pub fn continue_run(
    arguments: &Arguments,
    args: &ResumeArguments,
    choose: impl FnOnce(&Layout, &RunDetail) -> Result<Vec<String>, String>,
) -> Result<ExitStatus, CliError> {
    let layout = workspace::layout(arguments);
    let store = workspace::open_existing(&layout)?;
    let run = run_selector::resolve_run(&store, &args.run, "a whole run is resumed")?;
    // Take the lock first, so that no other process changes what is read below.
    let lock = RunLock::take(&layout, &run)?;
    let detail = store.run(&run)?;
    let only = match choose(&layout, &detail) {
        Ok(only) => only,
        Err(reason) => return output::print(&reason).map(|()| ExitStatus::Done),
    };
    let file = PathBuf::from(&detail.file);
    let reading = pipeline::of_run(&layout, &detail)?;
    let pipeline = reading.within_memory(arguments)?.require(arguments.color)?;
    let job = RunJob { run, lock, fresh: false, only, resumed: true, jobs: args.jobs };
    perform_job(arguments, &layout, store, &pipeline, &file, &job, &args.showing)
}
