//! One trial's training, which goes on from its last checkpoint when there is one.

use std::path::{Path, PathBuf};

use crate::domain::event::{Event, FinishedEpoch, Observer};
use crate::plan::Stage;
use crate::run::context::RunContext;
use crate::run::error::RunError;
use crate::run::event_log::EventLog;
use crate::run::memory;
use crate::run::stage::StageOutput;
use crate::run::weights::{WEIGHTS, earlier};
use crate::train::TrainJob;
use crate::train::config::StartFromConfig;
use crate::train::job::{Pruner, WarmStart};

/// The folder of the training's checkpoints and journal while it is unfinished.
pub fn unfinished(context: &RunContext, stage: &Stage) -> Result<PathBuf, RunError> {
    let folder = context.layout.checkpoint(context.run, stage.trial.unwrap_or(1));
    std::fs::create_dir_all(&folder).map_err(RunError::io("create", &folder))?;
    Ok(folder)
}

pub fn work(
    context: &RunContext,
    stage: &Stage,
    made: &Path,
    event_log: &dyn Observer,
) -> Result<StageOutput, RunError> {
    let dataset = context.dataset()?;
    let trial = context.trial(stage)?;
    if let Some(problem) = memory::refused_fitted(context.plan, trial, &dataset) {
        return Err(RunError::Memory(Box::new(problem)));
    }
    let network = trial.network();
    let settings = &trial.pipeline.train;
    // Given up before the run was interrupted. Where its checkpoints are still there it may not have been
    // told to the end: then it comes to the same epoch again.
    if let Some((epoch, reason)) = context.log.pruned(trial.number)
        && !context.layout.checkpoint(context.run, trial.number).exists()
    {
        return Err(crate::train::TrainError::Pruned { epoch, reason }.into());
    }
    let checkpoints = unfinished(context, stage)?;
    let start = settings.start_from.as_ref().map(|config| start(context, config)).transpose()?;
    let job = TrainJob {
        start,
        sampling: &trial.pipeline.sampling,
        trial: trial.number,
        seed: trial.seed,
        network: &network,
        spec: settings,
        weighting: &trial.pipeline.weighting,
        metrics: trial.metrics(),
        dataset: &dataset,
        checkpoint_dir: &checkpoints,
        job_fingerprint: &context.fingerprint(stage).0,
        output: made,
        pruner: Some(context.log),
    };
    crate::train::train(&job, event_log, context.cancel)?;
    Ok(StageOutput::Yes)
}

/// Tells the story of a training that is there already, as far as this run's sweep lets it come: what other
/// runs have made decides nothing.
pub fn retell(context: &RunContext, stage: &Stage, observer: &dyn Observer) -> Result<(), RunError> {
    let trial = stage.trial.unwrap_or(1);
    let mut last = None;
    for event in EventLog::read(&context.folder(stage))? {
        // A training is weighed between two epochs; its last one is its end.
        if let Event::EpochFinished(FinishedEpoch { epoch: next, .. }) = &event
            && let Some(epoch) = last.replace(*next)
        {
            if let Some(reason) = context.log.prune(trial, epoch, context.cancel) {
                return Err(crate::train::TrainError::Pruned { epoch, reason }.into());
            }
            if context.cancel.is_requested() {
                return Err(RunError::Cancelled { stage: stage.to_string() });
            }
        }
        // It may have been another trial's when it was made.
        observer.recall(&event.spoken_by(stage));
    }
    Ok(())
}

/// Where the earlier run's weights lie.
pub fn start(context: &RunContext, config: &StartFromConfig) -> Result<WarmStart, RunError> {
    let weights = earlier(context.layout, config)?.join(WEIGHTS);
    Ok(WarmStart { weights, freeze: config.freeze.clone() })
}

/// Removes what a finished training no longer needs.
pub fn clear(context: &RunContext, stage: &Stage) {
    // Left behind it would cost disk space, and be refused by its fingerprint; no reason to fail.
    let _ = std::fs::remove_dir_all(context.layout.checkpoint(context.run, stage.trial.unwrap_or(1)));
}
