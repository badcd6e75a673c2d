//! A trial's trained network, for the stages after training.

use std::path::Path;

use crate::domain::event::Event;
use crate::domain::signature::Signature;
use crate::model::network::Network;
use crate::plan::{Stage, Trial, Work};
use crate::run::context::RunContext;
use crate::run::error::RunError;
use crate::run::event_log::EventLog;
use crate::run::weights::WEIGHTS;

/// The network with the best weights.
pub fn network(context: &RunContext, stage: &Stage, signature: &Signature) -> Result<Network, RunError> {
    with_weights(context.trial(stage)?, signature, &context.folder_of(&training(stage))?.join(WEIGHTS))
}

/// A trial's network with the weights from a file.
pub fn with_weights(trial: &Trial, signature: &Signature, weights: &Path) -> Result<Network, RunError> {
    let device = crate::model::device(&trial.pipeline.train.device)?;
    let network = Network::build(&trial.network(), signature, trial.seed, &device)?;
    network.weights().load(weights)?;
    Ok(network)
}

/// The epoch of the best weights.
pub fn best_epoch(context: &RunContext, stage: &Stage) -> Result<usize, RunError> {
    let folder = context.folder_of(&training(stage))?;
    let best = EventLog::read(&folder)?.into_iter().find_map(|event| match event {
        Event::TrainFinished { best_epoch, .. } => Some(best_epoch),
        _ => None,
    });
    best.ok_or_else(|| RunError::Damaged {
        path: folder,
        reason: "its event log contains no best epoch".to_owned(),
    })
}

/// The training stage of a stage's trial.
fn training(stage: &Stage) -> Stage {
    Stage::of_trial(Work::Train, stage.trial.unwrap_or(1))
}
