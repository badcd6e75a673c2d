//! One trial's training, which goes on from its last checkpoint when there is one.

use std::path::{Path, PathBuf};

use crate::domain::event::Observer;
use crate::plan::Stage;
use crate::run::context::Context;
use crate::run::error::Error;
use crate::run::stage::Keep;
use crate::train::Job;

/// The trained weights, in the artifact's and the trial's folder.
pub const WEIGHTS: &str = "weights.safetensors";

/// The folder of the training's checkpoints and journal while it is unfinished.
pub fn unfinished(context: &Context, stage: &Stage) -> Result<PathBuf, Error> {
    let folder = context.layout.checkpoint(context.run, stage.trial.unwrap_or(1));
    std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    Ok(folder)
}

pub fn work(context: &Context, stage: &Stage, made: &Path, tape: &dyn Observer) -> Result<Keep, Error> {
    let dataset = context.dataset()?;
    let trial = context.trial(stage)?;
    let network = context.plan.network();
    let spec = &context.plan.pipeline.train;
    let checkpoints = unfinished(context, stage)?;
    let job = Job {
        trial: trial.number,
        seed: trial.seed,
        network: &network,
        spec,
        weighting: &context.plan.pipeline.weighting,
        metrics: context.plan.metrics(),
        dataset: &dataset,
        checkpoint_dir: &checkpoints,
        job_fingerprint: &context.fingerprint(&stage.key).0,
        output: made,
    };
    crate::train::train(&job, tape, context.cancel)?;
    Ok(Keep::Yes)
}

/// Removes what a finished training no longer needs.
pub fn clear(context: &Context, stage: &Stage) {
    // Left behind it would cost disk space, and be refused by its fingerprint; no reason to fail.
    let _ = std::fs::remove_dir_all(context.layout.checkpoint(context.run, stage.trial.unwrap_or(1)));
}
