//! `mtl resume RUN`: the run's own pipeline again, under the same name; what is done is skipped,
//! and a training goes on from its last checkpoint.

use std::path::PathBuf;

use crate::cli::arguments::{Arguments, Resume};
use crate::cli::command::run::{Job, perform_job};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{named, output, pipeline, workspace};
use crate::domain::event::RunState;
use crate::run::lock::RunLock;
use crate::store::record::RunDetail;

pub fn perform(arguments: &Arguments, words: &Resume) -> Result<Exit, Error> {
    go_on(arguments, words, |detail| {
        if detail.state == RunState::Finished {
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
    choose: impl FnOnce(&RunDetail) -> Result<Vec<String>, String>,
) -> Result<Exit, Error> {
    let layout = workspace::layout(arguments);
    let store = workspace::open_existing(&layout)?;
    let run = named::whole(&store, &words.run, "a run is gone on with as a whole")?;
    if RunLock::is_held(&layout, &run) {
        return Err(crate::run::Error::Busy { run: run.to_string() }.into());
    }
    let detail = store.run(&run)?;
    let only = match choose(&detail) {
        Ok(only) => only,
        Err(reason) => return output::print(&reason).map(|()| Exit::Done),
    };
    // The resolved pipeline stands in the run's folder, but its data is where the original was.
    let file = PathBuf::from(&detail.file);
    let resolved = layout.pipeline(&run);
    let bytes = std::fs::read(&resolved).map_err(Error::io("read", &resolved))?;
    let pipeline =
        pipeline::resolve(&bytes, &file, &[]).within_memory(arguments)?.require(arguments.color)?;
    let job = Job { run, fresh: false, only, resumed: true, jobs: words.jobs };
    perform_job(arguments, &layout, store, &pipeline, &file, &job, &words.showing)
}
