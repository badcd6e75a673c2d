//! A built layer among others.

use crate::model::error::Result;
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::onnx::graph::Graph;

/// A built layer among others: its description, walked over tensors and over a graph.
pub trait Module: Send + Sync {
    fn forward(&self, x: &Signal, mode: &Mode) -> Result<Signal>;

    /// What `forward` does when answering, as nodes of an ONNX graph.
    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Wire>;
}
