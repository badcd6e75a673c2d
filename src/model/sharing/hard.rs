//! Every task reads the one shared trunk (Caruana 1993), at its end or at a mark.
//!
//! ```yaml
//! sharing: hard
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::mode::Mode;
use crate::model::part::Part;
use crate::model::sharing::trunk::Trunk;
use crate::model::sharing::{Body, Sharing, SharingWords};
use crate::model::signal::{Signal, Wire};
use crate::model::weights::Weights;
use crate::onnx::graph::Graph;

/// Every task reads the one shared trunk (Caruana 1993).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HardSpec {}

impl Settings for HardSpec {
    const EXAMPLE: &'static str = "hard";
}

impl SharingWords for HardSpec {
    fn build(&self, body: &Body, weights: &mut Weights) -> Result<Box<dyn Sharing>> {
        Ok(Box::new(Hard { trunk: Trunk::build(body, weights)? }))
    }
}

/// One trunk.
struct Hard {
    trunk: Trunk,
}

impl Sharing for Hard {
    fn output(&self, task: usize) -> Shape {
        self.trunk.shape(task)
    }

    fn forward(&self, x: &Signal, mode: &Mode, tasks: &[usize]) -> Result<Vec<Signal>> {
        let trail = self.trunk.forward(x, mode)?;
        Ok(tasks.iter().map(|task| self.trunk.read(&trail, *task)).collect())
    }

    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Vec<Wire>> {
        let trail = self.trunk.emit(graph, x)?;
        Ok((0..self.trunk.tasks()).map(|task| self.trunk.read(&trail, task)).collect())
    }

    fn uses(&self, tasks: &[usize], weight: &str) -> bool {
        self.trunk.uses(tasks, weight)
    }

    fn parts(&self) -> Vec<Part> {
        self.trunk.parts().to_vec()
    }
}
