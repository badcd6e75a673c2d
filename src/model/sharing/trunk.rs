//! The trunk that all tasks share, and the point where each of them reads it: its end or a mark.

use crate::domain::name::MarkName;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::stack::{Stack, StackOutputs};
use crate::model::ops::Ops;
use crate::model::part::NetworkPart;
use crate::model::sharing::Body;
use crate::model::weights::Weights;

/// A shared trunk.
pub struct Trunk {
    stack: Stack,
    /// The mark each task reads; `None` for the end.
    from: Vec<Option<MarkName>>,
}

impl Trunk {
    /// Builds the layers of the body's trunk.
    pub fn build(body: &Body, weights: &mut Weights) -> ModelResult<Self> {
        let stack = Stack::build("trunk", body.trunk, body.input, weights)?;
        Ok(Self { stack, from: body.tasks.iter().map(|task| task.from.clone()).collect() })
    }

    /// The shape of its output.
    pub fn output(&self) -> Shape {
        self.stack.output()
    }

    /// Number of tasks.
    pub fn tasks(&self) -> usize {
        self.from.len()
    }

    /// Does the task read the end of the trunk?
    pub fn reads_end(&self, task: usize) -> bool {
        self.from[task].is_none()
    }

    /// The shape at the task's read point.
    pub fn shape(&self, task: usize) -> Shape {
        let mark = self.from[task].as_ref();
        let marked = mark.and_then(|mark| self.stack.marks().find(|(name, _)| *name == mark));
        marked.map_or(self.stack.output(), |(_, shape)| shape)
    }

    /// The outputs at the end and at all marks.
    pub fn compute<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
    ) -> ModelResult<StackOutputs<Activations<O::Value>>> {
        self.stack.compute(ops, x)
    }

    /// The output at the task's read point.
    pub fn read<T: Clone>(&self, outputs: &StackOutputs<T>, task: usize) -> T {
        // The network has checked that every mark exists.
        let mark = self.from[task].as_ref().and_then(|mark| outputs.mark(mark));
        mark.unwrap_or(&outputs.end).clone()
    }

    /// Do the read points of these tasks depend on the weight of this name?
    pub fn uses(&self, tasks: &[usize], weight: &str) -> bool {
        let deepest = tasks.iter().map(|task| self.stack.depth(self.from[*task].as_ref())).max();
        self.stack.parts()[..deepest.unwrap_or(0)].iter().any(|part| part.owns(weight))
    }

    /// Its layers.
    pub fn parts(&self) -> &[NetworkPart] {
        self.stack.parts()
    }
}
