//! One task, trained and scored alone.

use std::path::Path;

use crate::domain::event::{Event, Observer};
use crate::domain::name::TaskName;
use crate::plan::Stage;
use crate::run::context::Context;
use crate::run::error::Error;
use crate::run::stage::train::start;
use crate::run::stage::{Keep, evaluate, trained};
use crate::run::weights::WEIGHTS;
use crate::train::Job;

pub fn work(
    context: &Context,
    stage: &Stage,
    task: &TaskName,
    made: &Path,
    tape: &dyn Observer,
) -> Result<Keep, Error> {
    let trial = context.trial(stage)?.alone(task);
    let not_made = || Error::NotMade { stage: stage.to_string() };
    let dataset = context.dataset()?.alone(task).ok_or_else(not_made)?;
    let spec = &trial.pipeline.train;
    let checkpoints = context.layout.alone(context.run, trial.number, task);
    std::fs::create_dir_all(&checkpoints).map_err(Error::io("create", &checkpoints))?;
    let job = Job {
        pruner: None,
        start: spec.start_from.as_ref().map(|words| start(context, words)).transpose()?,
        sampling: &trial.pipeline.sampling,
        trial: trial.number,
        seed: trial.seed,
        network: &trial.network(),
        spec,
        weighting: &trial.pipeline.weighting,
        metrics: trial.metrics(),
        dataset: &dataset,
        checkpoint_dir: &checkpoints,
        job_fingerprint: &context.fingerprint(stage).0,
        output: made,
    };
    let aside = Aside { stage, listener: tape };
    let found = crate::train::train(&job, &aside, context.cancel)?;
    let network = trained::with_weights(&trial, &dataset.signature, &made.join(WEIGHTS))?;
    tape.observe(&Event::BaselineScored {
        trial: trial.number,
        task: task.clone(),
        epoch: found.best_epoch,
        epochs: found.epochs,
        // What is undefined is said of the joint training.
        scores: evaluate::scores(&trial, &dataset, &network)?.0,
    });
    Ok(Keep::Yes)
}

/// Removes what a finished training no longer needs.
pub fn clear(context: &Context, stage: &Stage, task: &TaskName) {
    // Left behind it would cost disk space, and be refused by its fingerprint; no reason to fail.
    let _ = std::fs::remove_dir_all(context.layout.alone(context.run, stage.trial.unwrap_or(1), task));
}

/// The course of such a training is not its trial's: only how far it is, and what it notices, is passed on.
struct Aside<'a> {
    stage: &'a Stage,
    listener: &'a dyn Observer,
}

impl Observer for Aside<'_> {
    fn observe(&self, event: &Event) {
        match event {
            Event::Stepped { .. } | Event::Note { .. } => self.listener.observe(&event.told_by(self.stage)),
            Event::RunStarted { .. }
            | Event::StageStarted { .. }
            | Event::StageCached { .. }
            | Event::StageFinished { .. }
            | Event::StageFailed { .. }
            | Event::StageSkipped { .. }
            | Event::Loaded { .. }
            | Event::Divided { .. }
            | Event::Fitted { .. }
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
