//! What a decoder made of the memory, and what a graph calls it.

use crate::onnx::graph::Dim;

/// What a decoder made of the memory before the first token; rows come first in all of it.
#[derive(Clone, Debug)]
pub struct Prepared<T> {
    /// Looked at before every token, and never changed.
    pub fixed: Vec<T>,
    /// Another one after every token.
    pub states: Vec<T>,
}

/// One of these, as a graph names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecoderPort {
    pub name: String,
    pub dims: Vec<Dim>,
}

impl DecoderPort {
    /// `[batch, width]`
    pub fn vector(name: &str, width: usize) -> Self {
        Self { name: name.to_owned(), dims: vec![Dim::Batch, Dim::Fixed(width)] }
    }

    /// `[batch, <time>, width]`; without a width `[batch, <time>]`.
    pub fn sequence(name: &str, time: &str, width: Option<usize>) -> Self {
        let dims = [Dim::Batch, Dim::Free(time.to_owned())].into_iter().chain(width.map(Dim::Fixed));
        Self { name: name.to_owned(), dims: dims.collect() }
    }
}
