//! What `mtl plan` says about the outputs of frozen layers.

use crate::domain::table::Dataset;
use crate::plan::Plan;
use crate::plan::render::FeaturesView;
use crate::run::feature_size::feature_bytes;
use crate::run::memory::nominal;

/// Which outputs of frozen layers the trials of a plan read, and which are computed in every step, and why;
/// each once. Their size is known with the fitted data.
pub fn features(plan: &Plan, dataset: Option<&Dataset>) -> Vec<FeaturesView> {
    let mut views: Vec<FeaturesView> = Vec::new();
    for trial in &plan.trials {
        for (input, prefix) in trial.planned_features() {
            let mut view = FeaturesView { input, layers: Vec::new(), shape: None, bytes: None, reason: None };
            match prefix {
                Ok(prefix) => {
                    let nominal = || nominal::signature(&trial.pipeline);
                    let signature = dataset.map_or_else(nominal, |dataset| dataset.signature.clone());
                    let signature = signature.inputs.iter().find(|input| input.name == prefix.input);
                    view.shape = signature.and_then(|input| prefix.shape(input.encoding.shape()).ok());
                    let data = dataset.zip(view.shape);
                    view.bytes = data.and_then(|(dataset, shape)| feature_bytes(dataset, &prefix, shape));
                    view.layers = prefix.parts();
                }
                Err(reason) => view.reason = Some(reason),
            }
            if !views.contains(&view) {
                views.push(view);
            }
        }
    }
    views
}
