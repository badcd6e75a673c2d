//! A body: all that stands between the inputs and the heads, as a sharing builds it.

use candle_core::Tensor;

use crate::domain::array::Array;
use crate::domain::event::SourceShare;
use crate::domain::name::MarkName;
use crate::domain::shape::Shape;
use crate::model::activations::{Activations, GraphActivations};
use crate::model::error::ModelResult;
use crate::model::layer::LayerConfig;
use crate::model::mode::Mode;
use crate::model::ops::{Nodes, Ops, Tensors};
use crate::model::part::NetworkPart;
use crate::onnx::graph::{Graph, GraphValue};

/// What a body is built from.
pub struct Body<'a> {
    /// What the inputs give.
    pub input: Shape,
    pub trunk: &'a [LayerConfig],
    /// Each task, and the mark it reads from.
    pub tasks: &'a [TaskReader],
}

/// A task as a sharing sees it: where its head reads.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskReader {
    /// Its name, for the names of weights of its own.
    pub name: String,
    /// Without it, the end.
    pub from: Option<MarkName>,
}

/// Gives a task's logits in the running step.
pub type LogitsSource<'a> = dyn FnMut(usize) -> ModelResult<Tensor> + 'a;

/// What is known of a built body.
pub trait Sharing: Send + Sync {
    /// How many tasks there are.
    fn tasks(&self) -> usize;

    /// What the head of a task reads.
    fn output(&self, task: usize) -> Shape;

    /// Does what these tasks' heads read depend on the weight of this name?
    fn uses(&self, tasks: &[usize], weight: &str) -> bool;

    /// Its layers, for people.
    fn parts(&self) -> Vec<NetworkPart>;

    /// How much of what each task reads is each task's, where that is learned: `[tasks, tasks]`.
    fn relations(&self) -> ModelResult<Option<Array>> {
        Ok(None)
    }

    /// What a step that learns from these tasks adds to the joint loss, as a scalar tensor.
    fn penalty(&self, _tasks: &[usize], _answers: &mut LogitsSource) -> ModelResult<Option<Tensor>> {
        Ok(None)
    }

    /// Does it say how much is read of what? Then `shares` is worth its work.
    fn reports_shares(&self) -> bool {
        false
    }

    /// How much of what these tasks read comes from where, on average over rows.
    fn shares(&self, _x: &Activations, _tasks: &[usize]) -> ModelResult<Vec<SourceShare>> {
        Ok(Vec::new())
    }

    /// The tasks whose logits make this one's, together with its own.
    fn joined(&self, _task: usize) -> &[usize] {
        &[]
    }
}

/// What a built body computes, described once.
pub trait SharingForward: Sharing {
    /// For each of `tasks`, in that order, what its head reads.
    fn read<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
        tasks: &[usize],
    ) -> ModelResult<Vec<Activations<O::Value>>>;

    /// A task's logits, from what its head gives and the logits of those it is joined with.
    fn join<O: Ops>(
        &self,
        _ops: &mut O,
        _task: usize,
        own: O::Value,
        _others: &[O::Value],
    ) -> ModelResult<O::Value> {
        Ok(own)
    }
}

/// A built body among others: its description, walked over tensors and over a graph.
pub trait BuiltSharing: Sharing {
    /// For each of `tasks`, in that order, what its head reads.
    fn forward(&self, x: &Activations, mode: &Mode, tasks: &[usize]) -> ModelResult<Vec<Activations>>;

    /// For every task what its head reads, as values of an ONNX graph.
    fn to_onnx(&self, graph: &mut Graph, x: &GraphActivations) -> ModelResult<Vec<GraphActivations>>;

    /// A task's logits, from what its head gives and the logits of those it is joined with.
    fn join(&self, task: usize, own: Tensor, others: &[Tensor]) -> ModelResult<Tensor>;

    /// The same in an ONNX graph.
    fn join_to_onnx(
        &self,
        graph: &mut Graph,
        task: usize,
        own: GraphValue,
        others: &[GraphValue],
    ) -> ModelResult<GraphValue>;
}

impl<D: SharingForward> BuiltSharing for D {
    fn forward(&self, x: &Activations, mode: &Mode, tasks: &[usize]) -> ModelResult<Vec<Activations>> {
        self.read(&mut Tensors::new(mode), x, tasks)
    }

    fn to_onnx(&self, graph: &mut Graph, x: &GraphActivations) -> ModelResult<Vec<GraphActivations>> {
        let all: Vec<usize> = (0..self.tasks()).collect();
        self.read(&mut Nodes { graph }, x, &all)
    }

    fn join(&self, task: usize, own: Tensor, others: &[Tensor]) -> ModelResult<Tensor> {
        SharingForward::join(self, &mut Tensors::answering(), task, own, others)
    }

    fn join_to_onnx(
        &self,
        graph: &mut Graph,
        task: usize,
        own: GraphValue,
        others: &[GraphValue],
    ) -> ModelResult<GraphValue> {
        SharingForward::join(self, &mut Nodes { graph }, task, own, others)
    }
}
