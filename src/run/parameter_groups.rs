//! Checks that what `train.rates`, `train.freeze` and `train.unfreeze` name exists in the network.

use crate::domain::diagnostic::Diagnostic;
use crate::domain::name::TaskName;
use crate::domain::signature::Signature;
use crate::domain::table::Dataset;
use crate::model::network::Network;
use crate::plan::{Plan, Trial};
use crate::run::memory::nominal;
use crate::spec::PipelineConfig;
use crate::train::parameter_groups::ParameterGroups;

/// The first trial with a setting that selects no weight, as far as the pipeline alone determines.
pub fn problem(plan: &Plan) -> Option<Diagnostic> {
    let mut previous: Option<&PipelineConfig> = None;
    plan.trials.iter().find_map(|trial| {
        // Trials that differ only in their seed have the same weights.
        if previous.replace(&trial.pipeline) == Some(&trial.pipeline) {
            return None;
        }
        let mut network = trial.network();
        // Some losses check their settings against the number of classes, which only the data determine.
        network.tasks.iter_mut().for_each(|task| task.loss = None);
        problem_in(trial, &network, &nominal::signature(&trial.pipeline))
    })
}

/// The same for the network of the fitted data.
pub fn fitted_problem(trial: &Trial, dataset: &Dataset) -> Option<Diagnostic> {
    problem_in(trial, &trial.network(), &dataset.signature)
}

fn problem_in(
    trial: &Trial,
    network: &crate::model::config::NetworkConfig,
    signature: &Signature,
) -> Option<Diagnostic> {
    let config = &trial.pipeline.train;
    if config.rates.is_empty() && config.freeze.is_empty() && config.unfreeze.is_none() {
        return None;
    }
    // A network that cannot be built with minimal sizes may be valid with the real ones; building it then
    // reports what is wrong with it.
    let network = Network::shapes_only(network, signature).ok()?;
    let tasks: Vec<TaskName> = signature.tasks.iter().map(|task| task.name.clone()).collect();
    ParameterGroups::new(config, &tasks).problem(&network)
}
