//! The network of a fitted pipeline, laid out: what each part gives and how much it learns.

use std::path::Path;

use crate::model::DeviceSpec;
use crate::model::network::Network;
use crate::plan::Plan;
use crate::plan::render::PartView;
use crate::run::error::Error;

/// The parts of a plan's network; `fit` is the folder of the fitted dataset.
pub fn layers(plan: &Plan, fit: &Path) -> Result<Vec<PartView>, Error> {
    let signature = crate::data::store::read(fit)?.signature;
    let device = crate::model::device(&DeviceSpec::Cpu)?;
    let network = Network::build(&plan.network(), &signature, plan.pipeline.seed.get(), &device)?;
    let view = |part: crate::model::part::Part| PartView {
        part: part.name,
        kind: part.kind.to_owned(),
        shape: part.shape,
        parameters: part.parameters,
    };
    Ok(network.parts().into_iter().map(view).collect())
}
