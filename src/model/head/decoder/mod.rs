//! What writes a text from what was read (the memory): a hidden vector for every token, from which the
//! next is guessed. While learning, all tokens of a text at once; while writing, one token at a time.

pub mod attention;
pub mod gru;
pub mod lstm;
pub mod recurrent;
pub mod transformer;
pub mod vocabulary;

use candle_core::Tensor;

use crate::domain::decoder::DecoderSpec;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::Weights;
use crate::onnx::graph::{Dim, Graph, Value};

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
pub struct Port {
    pub name: String,
    pub dims: Vec<Dim>,
}

impl Port {
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

/// What writes.
pub trait Decoder: Send + Sync {
    /// Width of a token's hidden vector.
    fn width(&self) -> usize;

    /// What it makes of the memory before the first token.
    fn prepare(&self, memory: &Signal, mode: &Mode) -> Result<Prepared<Tensor>>;

    /// Hidden vectors `[rows, time, width]` after each of the embedded tokens `[rows, time, embedding]` of whole
    /// texts; none depends on a later token.
    fn forward(&self, tokens: &Tensor, prepared: &Prepared<Tensor>, mode: &Mode) -> Result<Tensor>;

    /// The hidden vector `[rows, width]` after one token more, `[rows, embedding]`, and the new states.
    fn step(&self, token: &Tensor, prepared: &Prepared<Tensor>) -> Result<(Tensor, Vec<Tensor>)>;

    /// How many of its tensors are fixed, how many are states, and what they are called.
    fn ports(&self) -> Prepared<Port>;

    fn emit_prepare(&self, graph: &mut Graph, memory: &Wire) -> Result<Prepared<Value>>;

    fn emit_step(
        &self,
        graph: &mut Graph,
        token: &Value,
        prepared: &Prepared<Value>,
    ) -> Result<(Value, Vec<Value>)>;
}

/// The decoder of these words, reading a memory of this shape; `words.check` has agreed to it.
pub fn build(
    name: &str,
    words: &DecoderSpec,
    memory: Shape,
    length: usize,
    weights: &mut Weights,
) -> Result<Box<dyn Decoder>> {
    Ok(match words {
        DecoderSpec::Gru(words) => {
            let cell =
                gru::Gru::build(&format!("{name}.gru"), words.width.get(), words.units.get(), weights)?;
            Box::new(recurrent::Recurrent::build(name, cell, words.attention, memory, weights)?)
        }
        DecoderSpec::Lstm(words) => {
            let cell =
                lstm::Lstm::build(&format!("{name}.lstm"), words.width.get(), words.units.get(), weights)?;
            Box::new(recurrent::Recurrent::build(name, cell, words.attention, memory, weights)?)
        }
        DecoderSpec::Transformer(words) => {
            Box::new(transformer::Transformer::build(name, words, memory.width(), length, weights)?)
        }
    })
}
