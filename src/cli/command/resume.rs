//! `mtl resume RUN`: the run's own pipeline again, under the same name; what is done is skipped,
//! and a training goes on from its last checkpoint.

use std::path::PathBuf;

use crate::cli::arguments::{Arguments, Resume};
use crate::cli::command::run::{Job, perform_job};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{kept, named, output, pipeline, workspace};
use crate::domain::event::RunState;
use crate::domain::layout::Layout;
use crate::run::lock::RunLock;
use crate::store::record::RunDetail;

pub fn perform(arguments: &Arguments, words: &Resume) -> Result<Exit, Error> {
    go_on(arguments, words, |layout, detail| {
        // What was damaged since is made again.
        if detail.state == RunState::Finished && kept::of_run(layout, detail).is_whole() {
            return Err(format!("{} is finished; there is nothing to go on with", detail.run));
        }
        Ok(Vec::new())
    })
}

/// Goes on with a run: the stages that `choose` names, all when it names none, or nothing for the reason
/// it gives.
pub fn go_on(
    arguments: &Arguments,
    words: &Resume,
    choose: impl FnOnce(&Layout, &RunDetail) -> Result<Vec<String>, String>,
) -> Result<Exit, Error> {
    let layout = workspace::layout(arguments);
    let store = workspace::open_existing(&layout)?;
    let run = named::whole(&store, &words.run, "a run is gone on with as a whole")?;
    // First: what is read of it from now on, no other process changes.
    let lock = RunLock::take(&layout, &run)?;
    let detail = store.run(&run)?;
    let only = match choose(&layout, &detail) {
        Ok(only) => only,
        Err(reason) => return output::print(&reason).map(|()| Exit::Done),
    };
    let file = PathBuf::from(&detail.file);
    let pipeline = pipeline::of_run(&layout, &detail, arguments.color)?;
    let job = Job { run, lock, fresh: false, only, resumed: true, jobs: words.jobs };
    perform_job(arguments, &layout, store, &pipeline, &file, &job, &words.showing)
}
