//! The sharing `hard`: see [`HardConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::ops::Ops;
use crate::model::part::NetworkPart;
use crate::model::sharing::trunk::Trunk;
use crate::model::sharing::{Body, BuildSharing, BuiltSharing, Sharing, SharingForward};
use crate::model::weights::Weights;

/// Hard parameter sharing (Caruana 1993): every task reads the one shared trunk, at its end or at a mark.
///
/// ```yaml
/// sharing: hard
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HardConfig {}

impl Settings for HardConfig {
    const EXAMPLE: &'static str = "hard";
}

impl BuildSharing for HardConfig {
    fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        Ok(Box::new(Hard::build(body, weights)?))
    }
}

/// A shared trunk.
pub struct Hard {
    trunk: Trunk,
}

impl Hard {
    /// One trunk for all tasks.
    pub fn build(body: &Body, weights: &mut Weights) -> ModelResult<Self> {
        Ok(Self { trunk: Trunk::build(body, weights)? })
    }
}

impl Sharing for Hard {
    fn tasks(&self) -> usize {
        self.trunk.tasks()
    }

    fn output(&self, task: usize) -> Shape {
        self.trunk.shape(task)
    }

    fn uses(&self, tasks: &[usize], weight: &str) -> bool {
        self.trunk.uses(tasks, weight)
    }

    fn parts(&self) -> Vec<NetworkPart> {
        self.trunk.parts().to_vec()
    }
}

impl SharingForward for Hard {
    fn read<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
        tasks: &[usize],
    ) -> ModelResult<Vec<Activations<O::Value>>> {
        let outputs = self.trunk.compute(ops, x)?;
        Ok(tasks.iter().map(|task| self.trunk.read(&outputs, *task)).collect())
    }
}
