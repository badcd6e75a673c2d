//! `mtl resume RUN`: the run's own pipeline again, under the same name; what is done is skipped,
//! and a training goes on from its last checkpoint.

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
        // What was damaged since is made again.
        if detail.state == RunState::Finished && integrity::of_run(layout, detail).is_whole() {
            return Err(format!("{} is finished; there is nothing to go on with", detail.run));
        }
        Ok(Vec::new())
    })
}

/// Goes on with a run: the stages that `choose` names, all when it names none, or nothing for the reason
/// it gives.
pub fn continue_run(
    arguments: &Arguments,
    args: &ResumeArguments,
    choose: impl FnOnce(&Layout, &RunDetail) -> Result<Vec<String>, String>,
) -> Result<ExitStatus, CliError> {
    let layout = workspace::layout(arguments);
    let store = workspace::open_existing(&layout)?;
    let run = run_selector::resolve_run(&store, &args.run, "a run is gone on with as a whole")?;
    // First: what is read of it from now on, no other process changes.
    let lock = RunLock::take(&layout, &run)?;
    let detail = store.run(&run)?;
    let only = match choose(&layout, &detail) {
        Ok(only) => only,
        Err(reason) => return output::print(&reason).map(|()| ExitStatus::Done),
    };
    let file = PathBuf::from(&detail.file);
    let reading = pipeline::of_run(&layout, &detail)?;
    let pipeline = reading.within_memory(arguments)?.require(arguments.color)?;
    let job = RunJob { run, lock, new_run: false, only, resumed: true, jobs: args.jobs };
    perform_job(arguments, &layout, store, &pipeline, &file, &job, &args.showing)
}
