//! Stage `baseline`: trains and scores one task alone.

use std::path::Path;

use crate::domain::event::{Event, Observer};
use crate::domain::name::TaskName;
use crate::plan::Stage;
use crate::run::context::RunContext;
use crate::run::error::RunError;
use crate::run::stage::train::start;
use crate::run::stage::{StageOutput, evaluate, features, trained};
use crate::run::weights::WEIGHTS;
use crate::train::TrainJob;

pub fn run(
    context: &RunContext,
    stage: &Stage,
    task: &TaskName,
    folder: &Path,
    event_log: &dyn Observer,
) -> Result<StageOutput, RunError> {
    let trial = context.trial(stage)?.single_task(task);
    let not_made = || RunError::StageNotRun { stage: stage.to_string() };
    let dataset = context.dataset()?.for_task(task).ok_or_else(not_made)?;
    let features = features::read(context, stage)?;
    let settings = &trial.pipeline.train;
    let checkpoints = context.layout.baseline_checkpoint(context.run, trial.number, task);
    std::fs::create_dir_all(&checkpoints).map_err(RunError::io("create", &checkpoints))?;
    let job = TrainJob {
        pruner: None,
        start: settings.start_from.as_ref().map(|config| start(context, config)).transpose()?,
        sampling: &trial.pipeline.sampling,
        trial: trial.number,
        seed: trial.seed,
        network: &trial.network(),
        spec: settings,
        weighting: &trial.pipeline.weighting,
        metrics: trial.metrics(),
        dataset: &dataset,
        features: features.clone(),
        checkpoint_dir: &checkpoints,
        job_fingerprint: &context.fingerprint(stage).0,
        output: folder,
    };
    let observer = BaselineObserver { stage, listener: event_log };
    let training = crate::train::train(&job, &observer, context.cancel)?;
    let mut network = trained::with_weights(&trial, &dataset.signature, &folder.join(WEIGHTS))?;
    if let Some(features) = &features {
        network.read_features(features);
    }
    event_log.observe(&Event::BaselineScored {
        trial: trial.number,
        task: task.clone(),
        epoch: training.best_epoch,
        epochs: training.epochs,
        // Notes about undefined scores are emitted for the joint training.
        scores: evaluate::scores(&trial, &dataset, &network)?.scores,
    });
    Ok(StageOutput::Keep)
}

/// Removes the checkpoints of a finished training.
pub fn clear(context: &RunContext, stage: &Stage, task: &TaskName) {
    // A leftover checkpoint only costs disk space; its fingerprint prevents its use.
    let _ = std::fs::remove_dir_all(context.layout.baseline_checkpoint(
        context.run,
        stage.trial.unwrap_or(1),
        task,
    ));
}

/// Forwards only progress and notes: the epochs of a baseline do not belong to its trial's history.
struct BaselineObserver<'a> {
    stage: &'a Stage,
    listener: &'a dyn Observer,
}

impl Observer for BaselineObserver<'_> {
    fn observe(&self, event: &Event) {
        match event {
            Event::Stepped { .. } | Event::Note { .. } => {
                self.listener.observe(&event.attributed_to(self.stage))
            }
            Event::RunStarted { .. }
            | Event::StageStarted { .. }
            | Event::StageCached { .. }
            | Event::StageFinished { .. }
            | Event::StageFailed { .. }
            | Event::StageSkipped { .. }
            | Event::Loaded { .. }
            | Event::Divided { .. }
            | Event::Fitted { .. }
            | Event::Featured { .. }
            | Event::TrainStarted { .. }
            | Event::EpochFinished(_)
            | Event::GradientsCompared { .. }
            | Event::AffinityMeasured { .. }
            | Event::CheckpointSaved { .. }
            | Event::TrainFinished { .. }
            | Event::TrialChosen { .. }
            | Event::TrialPruned { .. }
            | Event::Scored { .. }
            | Event::FrontScored { .. }
            | Event::BaselineScored { .. }
            | Event::Gained { .. }
            | Event::Exported { .. }
            | Event::Verified { .. }
            | Event::RunFinished { .. } => {}
        }
    }
}
