//! Every task reads the one shared trunk (Caruana 1993), at its end or at a mark.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::name::MarkName;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::mode::Mode;
use crate::model::part::Part;
use crate::model::sharing::{Body, Sharing, SharingWords};
use crate::model::signal::{Signal, Wire};
use crate::model::stack::{Stack, Trail};
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
        let trunk = Stack::build("trunk", body.trunk, body.input, weights)?;
        let from = body.tasks.iter().map(|task| task.from.clone()).collect();
        Ok(Box::new(Hard { trunk, from }))
    }
}

/// One trunk.
struct Hard {
    trunk: Stack,
    /// Where each task reads.
    from: Vec<Option<MarkName>>,
}

impl Hard {
    fn read<T: Clone>(&self, trail: &Trail<T>, task: usize) -> T {
        // The network has checked that every mark exists.
        let mark = self.from[task].as_ref().and_then(|mark| trail.mark(mark));
        mark.unwrap_or(&trail.end).clone()
    }
}

impl Sharing for Hard {
    fn output(&self, task: usize) -> Shape {
        let mark = self.from[task].as_ref();
        let marked = mark.and_then(|mark| self.trunk.marks().find(|(name, _)| *name == mark));
        marked.map_or(self.trunk.output(), |(_, shape)| shape)
    }

    fn forward(&self, x: &Signal, mode: &Mode, tasks: &[usize]) -> Result<Vec<Signal>> {
        let trail = self.trunk.forward_marked(x, mode)?;
        Ok(tasks.iter().map(|task| self.read(&trail, *task)).collect())
    }

    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Vec<Wire>> {
        let trail = self.trunk.emit_marked(graph, x)?;
        Ok((0..self.from.len()).map(|task| self.read(&trail, task)).collect())
    }

    fn uses(&self, tasks: &[usize], weight: &str) -> bool {
        let deepest = tasks.iter().map(|task| self.trunk.depth(self.from[*task].as_ref())).max();
        let read = &self.trunk.parts()[..deepest.unwrap_or(0)];
        read.iter()
            .any(|part| weight.strip_prefix(part.name.as_str()).is_some_and(|rest| rest.starts_with('.')))
    }

    fn parts(&self) -> Vec<Part> {
        self.trunk.parts().to_vec()
    }
}
