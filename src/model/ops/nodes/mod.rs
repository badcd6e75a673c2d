//! Operations as nodes of an ONNX graph; they compute what `forward` computes in evaluation mode.

mod arithmetic;
mod cell;
mod decoder;
pub mod encoding;
mod image;
mod pointer;
mod sequence;
mod unit;

use crate::onnx::graph::Graph;

/// Appends operations to a graph.
pub struct Nodes<'a> {
    /// The graph that nodes are appended to.
    pub graph: &'a mut Graph,
}
