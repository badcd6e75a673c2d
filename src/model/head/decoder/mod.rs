//! What writes a text from what was read (the memory): a hidden vector for every token, from which the
//! next is guessed. While learning, all tokens of a text at once; while writing, one token at a time.

pub mod cell;
mod port;
pub mod recurrent;
pub mod transformer;
pub mod vocabulary;

use std::sync::Arc;

use candle_core::Tensor;

use crate::domain::decoder::DecoderSpec;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::head::decoder::cell::Cell;
pub use crate::model::head::decoder::port::{Port, Prepared};
use crate::model::head::decoder::recurrent::Recurrent;
use crate::model::head::decoder::transformer::Transformer;
use crate::model::mode::Mode;
use crate::model::ops::Ops;
use crate::model::signal::Signal;
use crate::model::weights::{Weights, host};

/// What writes.
pub enum Decoder {
    Recurrent(Box<Recurrent>),
    Transformer(Transformer),
}

impl Decoder {
    /// The decoder of these words, reading a memory of this shape; `words.check` has agreed to it.
    pub fn build(
        name: &str,
        words: &DecoderSpec,
        memory: Shape,
        length: usize,
        weights: &mut Weights,
    ) -> Result<Self> {
        let (cell, attention) = match words {
            DecoderSpec::Gru(words) => {
                let (width, units) = (words.width.get(), words.units.get());
                (Cell::gru(&format!("{name}.gru"), width, units, weights)?, words.attention)
            }
            DecoderSpec::Lstm(words) => {
                let (width, units) = (words.width.get(), words.units.get());
                (Cell::lstm(&format!("{name}.lstm"), width, units, weights)?, words.attention)
            }
            DecoderSpec::Transformer(words) => {
                return Transformer::build(name, words, memory, length, weights).map(Self::Transformer);
            }
        };
        Ok(Self::Recurrent(Box::new(Recurrent::build(name, cell, attention, memory, weights)?)))
    }

    /// Width of a token's hidden vector.
    pub fn width(&self) -> usize {
        match self {
            Self::Recurrent(decoder) => decoder.width(),
            Self::Transformer(decoder) => decoder.width(),
        }
    }

    /// What it makes of the memory before the first token.
    pub fn prepare<O: Ops>(&self, ops: &mut O, memory: &Signal<O::Value>) -> Result<Prepared<O::Value>> {
        match self {
            Self::Recurrent(decoder) => decoder.prepare(ops, memory),
            Self::Transformer(decoder) => decoder.prepare(ops, memory),
        }
    }

    /// Hidden vectors `[rows, time, width]` after each of the embedded tokens `[rows, time, embedding]` of whole
    /// texts; none depends on a later token.
    pub fn forward(&self, tokens: &Tensor, prepared: &Prepared<Tensor>, mode: &Mode) -> Result<Tensor> {
        match self {
            Self::Recurrent(decoder) => decoder.forward(tokens, prepared, mode),
            Self::Transformer(decoder) => decoder.forward(tokens, prepared, mode),
        }
    }

    /// The hidden vector `[rows, width]` after one token more, `[rows, embedding]`, and the new states.
    pub fn step<O: Ops>(
        &self,
        ops: &mut O,
        token: &O::Value,
        prepared: &Prepared<O::Value>,
    ) -> Result<(O::Value, Vec<O::Value>)> {
        match self {
            Self::Recurrent(decoder) => decoder.step(ops, token, prepared),
            Self::Transformer(decoder) => decoder.step(ops, token, prepared),
        }
    }

    /// How many of its tensors are fixed, how many are states, and what they are called.
    pub fn ports(&self) -> Prepared<Port> {
        match self {
            Self::Recurrent(decoder) => decoder.ports(),
            Self::Transformer(decoder) => decoder.ports(),
        }
    }
}

/// Real steps of each row, from a mask `[rows, time]`.
pub fn lengths(mask: &Tensor) -> Result<Arc<[u32]>> {
    Ok(host(&mask.sum(1)?)?.into_iter().map(|length| length as u32).collect())
}
