//! The one trunk that tasks share, and where each of them reads it: at its end, or at a mark.

use crate::domain::name::MarkName;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::layer::stack::{Stack, Trail};
use crate::model::ops::Ops;
use crate::model::part::Part;
use crate::model::sharing::Body;
use crate::model::signal::Signal;
use crate::model::weights::Weights;

/// A shared trunk.
pub struct Trunk {
    stack: Stack,
    /// Where each task reads.
    from: Vec<Option<MarkName>>,
}

impl Trunk {
    pub fn build(body: &Body, weights: &mut Weights) -> Result<Self> {
        let stack = Stack::build("trunk", body.trunk, body.input, weights)?;
        Ok(Self { stack, from: body.tasks.iter().map(|task| task.from.clone()).collect() })
    }

    /// What stands at its end.
    pub fn end(&self) -> Shape {
        self.stack.output()
    }

    /// How many tasks there are.
    pub fn tasks(&self) -> usize {
        self.from.len()
    }

    /// Does the task read the end, beyond which tasks may share more?
    pub fn is_read_to_the_end(&self, task: usize) -> bool {
        self.from[task].is_none()
    }

    /// What stands where the task reads.
    pub fn shape(&self, task: usize) -> Shape {
        let mark = self.from[task].as_ref();
        let marked = mark.and_then(|mark| self.stack.marks().find(|(name, _)| *name == mark));
        marked.map_or(self.stack.output(), |(_, shape)| shape)
    }

    pub fn walk<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<Trail<Signal<O::Value>>> {
        self.stack.walk(ops, x)
    }

    /// What it gave where the task reads.
    pub fn read<T: Clone>(&self, trail: &Trail<T>, task: usize) -> T {
        // The network has checked that every mark exists.
        let mark = self.from[task].as_ref().and_then(|mark| trail.mark(mark));
        mark.unwrap_or(&trail.end).clone()
    }

    /// Does what stands where these tasks read depend on the weight of this name?
    pub fn uses(&self, tasks: &[usize], weight: &str) -> bool {
        let deepest = tasks.iter().map(|task| self.stack.depth(self.from[*task].as_ref())).max();
        self.stack.parts()[..deepest.unwrap_or(0)].iter().any(|part| part.owns(weight))
    }

    pub fn parts(&self) -> &[Part] {
        self.stack.parts()
    }
}
