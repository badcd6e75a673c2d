//! A trial's finished training, as the stages after it need it.

use std::path::Path;

use crate::domain::event::Event;
use crate::domain::signature::Signature;
use crate::model::network::Network;
use crate::plan::{Stage, Trial, Work};
use crate::run::context::Context;
use crate::run::error::Error;
use crate::run::tape::Tape;
use crate::run::weights::WEIGHTS;

/// The network with its best weights.
pub fn network(context: &Context, stage: &Stage, signature: &Signature) -> Result<Network, Error> {
    with_weights(context.trial(stage)?, signature, &context.folder_of(&training(stage))?.join(WEIGHTS))
}

/// A trial's network with the weights of a file.
pub fn with_weights(trial: &Trial, signature: &Signature, weights: &Path) -> Result<Network, Error> {
    let device = crate::model::device(&trial.pipeline.train.device)?;
    let network = Network::build(&trial.network(), signature, trial.seed, &device)?;
    network.weights().load(weights)?;
    Ok(network)
}

/// The epoch the best weights are of.
pub fn best_epoch(context: &Context, stage: &Stage) -> Result<usize, Error> {
    let folder = context.folder_of(&training(stage))?;
    let best = Tape::read(&folder)?.into_iter().find_map(|event| match event {
        Event::TrainFinished { best_epoch, .. } => Some(best_epoch),
        _ => None,
    });
    best.ok_or_else(|| Error::Damaged { path: folder, reason: "its events name no best epoch".to_owned() })
}

/// The stage that trained what another stage of its trial works with.
fn training(stage: &Stage) -> Stage {
    Stage::of_trial(Work::Train, stage.trial.unwrap_or(1))
}
