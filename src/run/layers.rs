//! The layers of a fitted pipeline's network, with shapes, parameter counts and learning rates.

use std::path::Path;

use crate::domain::name::TaskName;
use crate::domain::table::Dataset;
use crate::model::network::Network;
use crate::model::part::NetworkPart;
use crate::model::weights::{Weight, WeightOwner};
use crate::plan::Plan;
use crate::plan::render::PartView;
use crate::plan::render::thousands;
use crate::run::error::RunError;
use crate::train::parameter_groups::ParameterGroups;

/// Reads the dataset from the artifact folder of a `fit` stage.
pub fn fitted(folder: &Path) -> Result<Dataset, RunError> {
    Ok(crate::data::store::read(folder)?)
}

/// The parts of a plan's network. It is only outlined, not built: it may be larger than memory.
pub fn layers(plan: &Plan, dataset: &Dataset) -> Result<Vec<PartView>, RunError> {
    let network = Network::shapes_only(&plan.network(), &dataset.signature)?;
    let tasks: Vec<TaskName> = dataset.signature.tasks.iter().map(|task| task.name.clone()).collect();
    let config = &plan.pipeline.train;
    let groups = ParameterGroups::new(config, &tasks);
    let has_groups = !config.rates.is_empty() || !config.freeze.is_empty();
    let rates = |part: &NetworkPart| has_groups.then(|| rates(part, &network, &groups));
    let remarks = |part: &NetworkPart| {
        let remarks = [rates(part), frozen(part, &network)].into_iter().flatten();
        let remarks: Vec<String> = remarks.filter(|text| !text.is_empty()).collect();
        (!remarks.is_empty()).then(|| remarks.join(", "))
    };
    let view = |part: NetworkPart| PartView {
        rate: remarks(&part),
        part: part.name,
        kind: part.kind.to_owned(),
        shape: part.shape,
        parameters: part.parameters,
    };
    Ok(network.parts().into_iter().map(view).collect())
}

/// `22,565,760 frozen`: the weights that the part itself freezes, such as pretrained ones.
fn frozen(part: &NetworkPart, network: &Network) -> Option<String> {
    let own = network.weights().iter().filter(|weight| weight.is_frozen() && part.owns(&weight.name));
    let count = own.map(|weight| weight.count()).fold(0, usize::saturating_add);
    (count > 0).then(|| format!("{} frozen", thousands(count)))
}

/// `2e-5`, `1.62e-5 to 2e-5`, `frozen`, `2e-5, partly frozen`; empty without weights.
fn rates(part: &NetworkPart, network: &Network, groups: &ParameterGroups) -> String {
    // The embeddings of all category inputs are rows of one weight.
    let is_category = part.name.starts_with("input.") && part.parameters > 0;
    let is_own =
        |weight: &&Weight| part.owns(&weight.name) || (is_category && weight.owner == WeightOwner::Inputs);
    let own: Vec<_> = network.weights().trainable().filter(is_own).collect();
    let trained: Vec<f64> =
        own.iter().filter(|weight| !groups.is_frozen(weight)).map(|weight| groups.rate(weight)).collect();
    let lowest = number(trained.iter().copied().fold(f64::INFINITY, f64::min));
    let highest = number(trained.iter().copied().fold(0.0, f64::max));
    match (own.len(), trained.len()) {
        (0, _) => String::new(),
        (_, 0) => "frozen".to_owned(),
        (all, some) => {
            let range = if lowest == highest { lowest } else { format!("{lowest} to {highest}") };
            if some < all { format!("{range}, partly frozen") } else { range }
        }
    }
}

/// Three digits: `1.62e-5`.
fn number(rate: f64) -> String {
    let text = format!("{rate:.2e}");
    match text.split_once('e') {
        Some((digits, power)) => format!("{}e{power}", digits.trim_end_matches('0').trim_end_matches('.')),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn rates_have_three_digits() {
        assert_eq!([2e-5, 2e-5 * 0.81, 0.1, 1.0].map(number), ["2e-5", "1.62e-5", "1e-1", "1e0"]);
    }
}
