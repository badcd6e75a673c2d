//! The sharing `hard`: see [`HardSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::ops::Ops;
use crate::model::part::Part;
use crate::model::sharing::trunk::Trunk;
use crate::model::sharing::{Body, BuiltSharing, Describe, Sharing, SharingWords};
use crate::model::signal::Signal;
use crate::model::weights::Weights;

/// Every task reads the one shared trunk (Caruana 1993), at its end or at a mark.
///
/// ```yaml
/// sharing: hard
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HardSpec {}

impl Settings for HardSpec {
    const EXAMPLE: &'static str = "hard";
}

impl SharingWords for HardSpec {
    fn build(&self, body: &Body, weights: &mut Weights) -> Result<Box<dyn BuiltSharing>> {
        Ok(Box::new(Hard::build(body, weights)?))
    }
}

/// One trunk.
pub struct Hard {
    trunk: Trunk,
}

impl Hard {
    pub fn build(body: &Body, weights: &mut Weights) -> Result<Self> {
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

    fn parts(&self) -> Vec<Part> {
        self.trunk.parts().to_vec()
    }
}

impl Describe for Hard {
    fn read<O: Ops>(
        &self,
        ops: &mut O,
        x: &Signal<O::Value>,
        tasks: &[usize],
    ) -> Result<Vec<Signal<O::Value>>> {
        let trail = self.trunk.walk(ops, x)?;
        Ok(tasks.iter().map(|task| self.trunk.read(&trail, *task)).collect())
    }
}
