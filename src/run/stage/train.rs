//! One trial's training, which goes on from its last checkpoint when there is one.

use std::path::{Path, PathBuf};

use crate::domain::event::{Event, FinishedEpoch, Observer};
use crate::plan::Stage;
use crate::run::context::Context;
use crate::run::error::Error;
use crate::run::memory;
use crate::run::stage::Keep;
use crate::run::tape::Tape;
use crate::run::weights::{WEIGHTS, earlier};
use crate::train::Job;
use crate::train::job::{Pruner, Start};
use crate::train::spec::StartFromSpec;

/// The folder of the training's checkpoints and journal while it is unfinished.
pub fn unfinished(context: &Context, stage: &Stage) -> Result<PathBuf, Error> {
    let folder = context.layout.checkpoint(context.run, stage.trial.unwrap_or(1));
    std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    Ok(folder)
}

pub fn work(context: &Context, stage: &Stage, made: &Path, tape: &dyn Observer) -> Result<Keep, Error> {
    let dataset = context.dataset()?;
    let trial = context.trial(stage)?;
    if let Some(problem) = memory::refused_fitted(context.plan, trial, &dataset) {
        return Err(Error::Memory(Box::new(problem)));
    }
    let network = trial.network();
    let spec = &trial.pipeline.train;
    // Given up before the run was interrupted. Where its checkpoints are still there it may not have been told to the end: then it comes
    // to the same epoch again.
    if let Some((epoch, reason)) = context.course.pruned(trial.number)
        && !context.layout.checkpoint(context.run, trial.number).exists()
    {
        return Err(crate::train::Error::Pruned { epoch, reason }.into());
    }
    let checkpoints = unfinished(context, stage)?;
    let start = spec.start_from.as_ref().map(|words| start(context, words)).transpose()?;
    let job = Job {
        start,
        sampling: &trial.pipeline.sampling,
        trial: trial.number,
        seed: trial.seed,
        network: &network,
        spec,
        weighting: &trial.pipeline.weighting,
        metrics: trial.metrics(),
        dataset: &dataset,
        checkpoint_dir: &checkpoints,
        job_fingerprint: &context.fingerprint(stage).0,
        output: made,
        pruner: Some(context.course),
    };
    crate::train::train(&job, tape, context.cancel)?;
    Ok(Keep::Yes)
}

/// Tells the story of a training that is there already, as far as this run's sweep lets it come: what other runs have made decides nothing.
pub fn retell(context: &Context, stage: &Stage, observer: &dyn Observer) -> Result<(), Error> {
    let trial = stage.trial.unwrap_or(1);
    let mut last = None;
    for event in Tape::read(&context.folder(stage))? {
        // A training is weighed between two epochs; its last one is its end.
        if let Event::EpochFinished(FinishedEpoch { epoch: next, .. }) = &event
            && let Some(epoch) = last.replace(*next)
        {
            if let Some(reason) = context.course.prune(trial, epoch, context.cancel) {
                return Err(crate::train::Error::Pruned { epoch, reason }.into());
            }
            if context.cancel.is_requested() {
                return Err(Error::Cancelled { stage: stage.to_string() });
            }
        }
        // It may have been another trial's when it was made.
        observer.recall(&event.told_by(stage));
    }
    Ok(())
}

/// Where the earlier run's weights lie.
pub fn start(context: &Context, words: &StartFromSpec) -> Result<Start, Error> {
    let weights = earlier(context.layout, words)?.join(WEIGHTS);
    Ok(Start { weights, freeze: words.freeze.clone() })
}

/// Removes what a finished training no longer needs.
pub fn clear(context: &Context, stage: &Stage) {
    // Left behind it would cost disk space, and be refused by its fingerprint; no reason to fail.
    let _ = std::fs::remove_dir_all(context.layout.checkpoint(context.run, stage.trial.unwrap_or(1)));
}
