//! The body of a network: everything between the inputs and the heads, built by a sharing.

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
    /// The shape of the encoded inputs.
    pub input: Shape,
    /// The layers of the trunk.
    pub trunk: &'a [LayerConfig],
    /// The tasks, each with the mark it reads from.
    pub tasks: &'a [TaskReader],
}

/// A task and the point of the trunk its head reads.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskReader {
    /// The task's name; part of the names of its own weights.
    pub name: String,
    /// The mark; `None` for the end of the trunk.
    pub from: Option<MarkName>,
}

/// Returns a task's logits in the current step.
pub type LogitsSource<'a> = dyn FnMut(usize) -> ModelResult<Tensor> + 'a;

/// The properties of a built body.
pub trait Sharing: Send + Sync {
    /// Number of tasks.
    fn tasks(&self) -> usize;

    /// The shape that the task's head reads.
    fn output(&self, task: usize) -> Shape;

    /// Do the inputs of these tasks' heads depend on the weight of this name?
    fn uses(&self, tasks: &[usize], weight: &str) -> bool;

    /// Its layers, as `mtl plan` lists them.
    fn parts(&self) -> Vec<NetworkPart>;

    /// The learned relation matrix `[tasks, tasks]`, if there is one: entry (i, j) is the share of task j in
    /// what task i reads.
    fn relations(&self) -> ModelResult<Option<Array>> {
        Ok(None)
    }

    /// The term that a training step on these tasks adds to the joint loss, as a scalar tensor.
    fn penalty(&self, _tasks: &[usize], _logits: &mut LogitsSource) -> ModelResult<Option<Tensor>> {
        Ok(None)
    }

    /// Does `shares` return anything?
    fn reports_shares(&self) -> bool {
        false
    }

    /// The sources of what these tasks read and their shares, averaged over rows.
    fn shares(&self, _x: &Activations, _mode: &Mode, _tasks: &[usize]) -> ModelResult<Vec<SourceShare>> {
        Ok(Vec::new())
    }

    /// The tasks whose logits are combined with this task's own logits.
    fn joined(&self, _task: usize) -> &[usize] {
        &[]
    }
}

/// The computation of a built body, described once for all backends.
pub trait SharingForward: Sharing {
    /// The inputs of the heads of `tasks`, in that order.
    fn read<O: Ops>(
        &self,
        ops: &mut O,
        x: &Activations<O::Value>,
        tasks: &[usize],
    ) -> ModelResult<Vec<Activations<O::Value>>>;

    /// A task's logits, from its head's output and the logits of the tasks it is joined with.
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

/// A built body behind a trait object: [`SharingForward`] on tensors and on an ONNX graph.
pub trait BuiltSharing: Sharing {
    /// The inputs of the heads of `tasks`, in that order.
    fn forward(&self, x: &Activations, mode: &Mode, tasks: &[usize]) -> ModelResult<Vec<Activations>>;

    /// The inputs of all heads, as values of an ONNX graph.
    fn to_onnx(&self, graph: &mut Graph, x: &GraphActivations) -> ModelResult<Vec<GraphActivations>>;

    /// A task's logits, from its head's output and the logits of the tasks it is joined with.
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
        SharingForward::join(self, &mut Tensors::evaluate(), task, own, others)
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

/// Adds a term to a sum that may still be empty.
pub fn add_term(sum: &mut Option<Tensor>, term: Tensor) -> ModelResult<()> {
    *sum = Some(match sum.take() {
        Some(sum) => (sum + term)?,
        None => term,
    });
    Ok(())
}
