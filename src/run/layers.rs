//! The network of a fitted pipeline, laid out: what each part gives and how much it learns.

use std::path::Path;

use crate::domain::table::Dataset;
use crate::model::network::Network;
use crate::plan::Plan;
use crate::plan::render::PartView;
use crate::run::error::RunError;

/// The dataset in the folder of a `fit`.
pub fn fitted(folder: &Path) -> Result<Dataset, RunError> {
    Ok(crate::data::store::read(folder)?)
}

/// The parts of a plan's network. Nothing of it is built: it may be larger than the memory.
pub fn layers(plan: &Plan, dataset: &Dataset) -> Result<Vec<PartView>, RunError> {
    let view = |part: crate::model::part::NetworkPart| PartView {
        part: part.name,
        kind: part.kind.to_owned(),
        shape: part.shape,
        parameters: part.parameters,
    };
    Ok(Network::outline(&plan.network(), &dataset.signature)?.parts.into_iter().map(view).collect())
}
