//! Writing a network's numbers into an ONNX graph.

use candle_core::Tensor;

use crate::model::error::Result;
use crate::model::weights::host;
use crate::onnx::graph::{Graph, Value};

/// A tensor as a constant of the graph.
pub fn constant(graph: &mut Graph, name: &str, tensor: &Tensor) -> Result<Value> {
    Ok(graph.weight(name, tensor.dims(), &host(tensor)?))
}
