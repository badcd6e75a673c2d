//! Stage `train`: trains one trial, resuming from its last checkpoint if there is one.

use std::path::{Path, PathBuf};

use crate::domain::event::{Event, FinishedEpoch, Observer};
use crate::plan::Stage;
use crate::run::context::RunContext;
use crate::run::error::RunError;
use crate::run::event_log::EventLog;
use crate::run::memory;
use crate::run::parameter_groups;
use crate::run::stage::{StageOutput, features, merge};
use crate::run::weights::{WEIGHTS, earlier};
use crate::train::TrainJob;
use crate::train::config::StartFromConfig;
use crate::train::job::{Pruner, WarmStart};
use crate::train::merged_network::merge_networks;

/// The folder of an unfinished training's checkpoints and history.
pub fn unfinished(context: &RunContext, stage: &Stage) -> Result<PathBuf, RunError> {
    let folder = context.layout.checkpoint(context.run, stage.trial.unwrap_or(1));
    std::fs::create_dir_all(&folder).map_err(RunError::io("create", &folder))?;
    Ok(folder)
}

pub fn run(
    context: &RunContext,
    stage: &Stage,
    folder: &Path,
    event_log: &dyn Observer,
) -> Result<StageOutput, RunError> {
    let dataset = context.dataset()?;
    let trial = context.trial(stage)?;
    if let Some(problem) = memory::refused_fitted(context.plan, trial, &dataset) {
        return Err(RunError::Memory(Box::new(problem)));
    }
    if let Some(problem) = parameter_groups::fitted_problem(trial, &dataset) {
        return Err(RunError::Setting(Box::new(problem)));
    }
    let network = trial.network();
    let settings = &trial.pipeline.train;
    // Pruned before the run was interrupted. If its checkpoints still exist, the pruning may not have been
    // emitted: then training resumes and reaches the same epoch again.
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
        features: features::read(context, stage)?,
        checkpoint_dir: &checkpoints,
        job_fingerprint: &context.fingerprint(stage).0,
        output: folder,
        pruner: Some(context.log),
    };
    match &settings.merge {
        Some(config) => {
            let sources = merge::sources(context, trial, &dataset.signature, config)?;
            merge_networks(&job, config, &sources, event_log)?;
        }
        None => {
            crate::train::train(&job, event_log, context.cancel)?;
        }
    }
    Ok(StageOutput::Keep)
}

/// Replays the events of a cached training up to the epoch at which this run's sweep prunes it; the decisions
/// of other runs do not count.
pub fn replay(context: &RunContext, stage: &Stage, observer: &dyn Observer) -> Result<(), RunError> {
    let trial = stage.trial.unwrap_or(1);
    let mut last = None;
    for event in EventLog::read(&context.folder(stage))? {
        // Pruning is decided between two epochs, never after the last one.
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
        // The artifact may have been made for another trial.
        observer.replay(&event.attributed_to(stage));
    }
    Ok(())
}

/// The weights of the earlier run that the training starts from.
pub fn start(context: &RunContext, config: &StartFromConfig) -> Result<WarmStart, RunError> {
    let weights = earlier(context.layout, config)?.join(WEIGHTS);
    Ok(WarmStart { weights, freeze: config.freeze.clone() })
}

/// Removes the checkpoints of a finished training.
pub fn clear(context: &RunContext, stage: &Stage) {
    // A leftover checkpoint only costs disk space; its fingerprint prevents its use.
    let _ = std::fs::remove_dir_all(context.layout.checkpoint(context.run, stage.trial.unwrap_or(1)));
}
