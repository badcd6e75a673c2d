//! The object-safe interface of built layers.

use crate::model::activations::{Activations, GraphActivations};
use crate::model::error::ModelResult;
use crate::model::mode::Mode;
use crate::onnx::graph::Graph;

/// A built layer of any kind, over tensors and over an ONNX graph.
pub trait Module: Send + Sync {
    /// Output for a batch `x`.
    fn forward(&self, x: &Activations, mode: &Mode) -> ModelResult<Activations>;

    /// Adds `forward` in evaluation mode to an ONNX graph.
    fn to_onnx(&self, graph: &mut Graph, x: &GraphActivations) -> ModelResult<GraphActivations>;
}
