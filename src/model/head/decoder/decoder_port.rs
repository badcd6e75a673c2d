//! Inputs and states of a decoder.

use crate::onnx::graph::Dim;

/// Tensors that a decoder computes from the memory before the first token; all have the batch first.
#[derive(Clone, Debug)]
pub struct Prepared<T> {
    /// Constant during decoding.
    pub fixed: Vec<T>,
    /// Updated by every step.
    pub states: Vec<T>,
}

/// Name and dimensions of one of these tensors in the ONNX graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecoderPort {
    /// Name in the graph.
    pub name: String,
    /// Dimensions, the batch first.
    pub dims: Vec<Dim>,
}

impl DecoderPort {
    /// `[batch, width]`
    pub fn vector(name: &str, width: usize) -> Self {
        Self { name: name.to_owned(), dims: vec![Dim::Batch, Dim::Fixed(width)] }
    }

    /// `[batch, <time>, width]`, or `[batch, <time>]` if `width` is `None`.
    pub fn sequence(name: &str, time: &str, width: Option<usize>) -> Self {
        let dims = [Dim::Batch, Dim::Dynamic(time.to_owned())].into_iter().chain(width.map(Dim::Fixed));
        Self { name: name.to_owned(), dims: dims.collect() }
    }

    /// Those of a decoder with attention in so many blocks: the mask of the memory, keys and values of the
    /// memory, and of the previous tokens, `[batch, <time>, width]`.
    pub fn of_attention(blocks: usize, width: usize) -> Prepared<Self> {
        let ports = |prefix: &str, time: &str| {
            let both = |index| [format!("{prefix}keys_{index}"), format!("{prefix}values_{index}")];
            let names = (0..blocks).flat_map(both);
            names.map(|name| Self::sequence(&name, time, Some(width))).collect::<Vec<_>>()
        };
        let mut fixed = vec![Self::sequence("mask", "seen", None)];
        fixed.extend(ports("", "seen"));
        Prepared { fixed, states: ports("past_", "past") }
    }
}
