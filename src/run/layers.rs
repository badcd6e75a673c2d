//! The layers of a fitted pipeline's network, with shapes and parameter counts.

use std::path::Path;

use crate::domain::table::Dataset;
use crate::model::network::Network;
use crate::plan::Plan;
use crate::plan::render::PartView;
use crate::run::error::RunError;

/// Reads the dataset from the artifact folder of a `fit` stage.
pub fn fitted(folder: &Path) -> Result<Dataset, RunError> {
    Ok(crate::data::store::read(folder)?)
}

/// The parts of a plan's network. It is only outlined, not built: it may be larger than memory.
pub fn layers(plan: &Plan, dataset: &Dataset) -> Result<Vec<PartView>, RunError> {
    let view = |part: crate::model::part::NetworkPart| PartView {
        part: part.name,
        kind: part.kind.to_owned(),
        shape: part.shape,
        parameters: part.parameters,
    };
    Ok(Network::outline(&plan.network(), &dataset.signature)?.parts.into_iter().map(view).collect())
}
