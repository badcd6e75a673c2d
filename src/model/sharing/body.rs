//! A body: all that stands between the inputs and the heads, as a sharing builds it.

use candle_core::Tensor;

use crate::domain::array::Array;
use crate::domain::event::Share;
use crate::domain::name::MarkName;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::layer::LayerSpec;
use crate::model::mode::Mode;
use crate::model::ops::{Nodes, Ops, Tensors};
use crate::model::part::Part;
use crate::model::signal::{Signal, Wire};
use crate::onnx::graph::{Graph, Value};

/// What a body is built from.
pub struct Body<'a> {
    /// What the inputs give.
    pub input: Shape,
    pub trunk: &'a [LayerSpec],
    /// Each task, and the mark it reads from.
    pub tasks: &'a [Reader],
}

/// A task as a sharing sees it: where its head reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Reader {
    /// Its name, for the names of weights of its own.
    pub name: String,
    /// Without it, the end.
    pub from: Option<MarkName>,
}

/// Gives a task's logits in the running step.
pub type Answers<'a> = dyn FnMut(usize) -> Result<Tensor> + 'a;

/// What is known of a built body.
pub trait Sharing: Send + Sync {
    /// How many tasks there are.
    fn tasks(&self) -> usize;

    /// What the head of a task reads.
    fn output(&self, task: usize) -> Shape;

    /// Does what these tasks' heads read depend on the weight of this name?
    fn uses(&self, tasks: &[usize], weight: &str) -> bool;

    /// Its layers, for people.
    fn parts(&self) -> Vec<Part>;

    /// How much of what each task reads is each task's, where that is learned: `[tasks, tasks]`.
    fn relations(&self) -> Result<Option<Array>> {
        Ok(None)
    }

    /// What a step that learns from these tasks adds to the joint loss, as a scalar tensor.
    fn penalty(&self, _tasks: &[usize], _answers: &mut Answers) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// Does it say how much is read of what? Then `shares` is worth its work.
    fn is_seen_through(&self) -> bool {
        false
    }

    /// How much of what these tasks read comes from where, on average over rows.
    fn shares(&self, _x: &Signal, _tasks: &[usize]) -> Result<Vec<Share>> {
        Ok(Vec::new())
    }

    /// The tasks whose logits make this one's, together with its own.
    fn joined(&self, _task: usize) -> &[usize] {
        &[]
    }
}

/// What a built body computes, described once.
pub trait Describe: Sharing {
    /// For each of `tasks`, in that order, what its head reads.
    fn read<O: Ops>(
        &self,
        ops: &mut O,
        x: &Signal<O::Value>,
        tasks: &[usize],
    ) -> Result<Vec<Signal<O::Value>>>;

    /// A task's logits, from what its head gives and the logits of those it is joined with.
    fn join<O: Ops>(
        &self,
        _ops: &mut O,
        _task: usize,
        own: O::Value,
        _others: &[O::Value],
    ) -> Result<O::Value> {
        Ok(own)
    }
}

/// A built body among others: its description, walked over tensors and over a graph.
pub trait BuiltSharing: Sharing {
    /// For each of `tasks`, in that order, what its head reads.
    fn forward(&self, x: &Signal, mode: &Mode, tasks: &[usize]) -> Result<Vec<Signal>>;

    /// For every task what its head reads, as values of an ONNX graph.
    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Vec<Wire>>;

    /// A task's logits, from what its head gives and the logits of those it is joined with.
    fn join(&self, task: usize, own: Tensor, others: &[Tensor]) -> Result<Tensor>;

    /// The same in an ONNX graph.
    fn emit_join(&self, graph: &mut Graph, task: usize, own: Value, others: &[Value]) -> Result<Value>;
}

impl<D: Describe> BuiltSharing for D {
    fn forward(&self, x: &Signal, mode: &Mode, tasks: &[usize]) -> Result<Vec<Signal>> {
        self.read(&mut Tensors::of(mode), x, tasks)
    }

    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Vec<Wire>> {
        let all: Vec<usize> = (0..self.tasks()).collect();
        self.read(&mut Nodes { graph }, x, &all)
    }

    fn join(&self, task: usize, own: Tensor, others: &[Tensor]) -> Result<Tensor> {
        Describe::join(self, &mut Tensors::answering(), task, own, others)
    }

    fn emit_join(&self, graph: &mut Graph, task: usize, own: Value, others: &[Value]) -> Result<Value> {
        Describe::join(self, &mut Nodes { graph }, task, own, others)
    }
}
