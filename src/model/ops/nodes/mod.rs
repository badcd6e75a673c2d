//! Operations as nodes of an ONNX graph: what `forward` does when answering.

mod arithmetic;
mod cell;
pub mod encoding;
mod image;
mod pointer;
mod sequence;
mod unit;
mod writing;

use crate::onnx::graph::Graph;

/// Operations as nodes of this graph.
pub struct Nodes<'a> {
    pub graph: &'a mut Graph,
}
