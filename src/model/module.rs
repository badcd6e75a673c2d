//! A built layer among others.

use crate::model::activations::{Activations, GraphActivations};
use crate::model::error::ModelResult;
use crate::model::mode::Mode;
use crate::onnx::graph::Graph;

/// A built layer among others: its description, walked over tensors and over a graph.
pub trait Module: Send + Sync {
    fn forward(&self, x: &Activations, mode: &Mode) -> ModelResult<Activations>;

    /// What `forward` does when answering, as nodes of an ONNX graph.
    fn to_onnx(&self, graph: &mut Graph, x: &GraphActivations) -> ModelResult<GraphActivations>;
}
