//! Decoders: from the encoder's output (the memory) and the previous tokens to a hidden vector per token. In
//! training all tokens of a text at once, in generation one at a time.

pub mod cell;
mod decoder_port;
pub mod pretrained;
pub mod pretrained_model;
pub mod recurrent;
pub mod transformer;
pub mod vocabulary;

use std::sync::Arc;

use candle_core::Tensor;

use crate::domain::decoder::DecoderConfig;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::head::decoder::cell::DecoderCell;
pub use crate::model::head::decoder::decoder_port::{DecoderPort, Prepared};
use crate::model::head::decoder::pretrained::PretrainedDecoder;
use crate::model::head::decoder::pretrained_model::build_pretrained;
use crate::model::head::decoder::recurrent::RecurrentDecoder;
use crate::model::head::decoder::transformer::TransformerDecoder;
use crate::model::mode::Mode;
use crate::model::ops::Ops;
use crate::model::weights::{Weights, host};

/// A decoder of any kind.
pub enum Decoder {
    /// A GRU or LSTM.
    Recurrent(Box<RecurrentDecoder>),
    /// A transformer.
    Transformer(TransformerDecoder),
    /// That of a pretrained model.
    Pretrained(Box<PretrainedDecoder>),
}

impl Decoder {
    /// Builds the decoder; `config` must fit the memory's shape ([`DecoderConfig::check`]).
    pub fn build(
        name: &str,
        config: &DecoderConfig,
        memory: Shape,
        length: usize,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let (cell, attention) = match config {
            DecoderConfig::Gru(config) => {
                let (width, units) = (config.width.get(), config.units.get());
                (DecoderCell::gru(&format!("{name}.gru"), width, units, weights)?, config.attention)
            }
            DecoderConfig::Lstm(config) => {
                let (width, units) = (config.width.get(), config.units.get());
                (DecoderCell::lstm(&format!("{name}.lstm"), width, units, weights)?, config.attention)
            }
            DecoderConfig::Transformer(config) => {
                return TransformerDecoder::build(name, config, memory, length, weights)
                    .map(Self::Transformer);
            }
            DecoderConfig::Pretrained(config) => {
                let decoder = build_pretrained(name, config.dropout, memory, length, weights)?;
                return Ok(Self::Pretrained(Box::new(decoder)));
            }
        };
        Ok(Self::Recurrent(Box::new(RecurrentDecoder::build(name, cell, attention, memory, weights)?)))
    }

    /// Width of a token's hidden vector.
    pub fn width(&self) -> usize {
        match self {
            Self::Recurrent(decoder) => decoder.width(),
            Self::Transformer(decoder) => decoder.width(),
            Self::Pretrained(decoder) => decoder.width(),
        }
    }

    /// Prepares the memory and the initial states.
    pub fn prepare<O: Ops>(
        &self,
        ops: &mut O,
        memory: &Activations<O::Value>,
    ) -> ModelResult<Prepared<O::Value>> {
        match self {
            Self::Recurrent(decoder) => decoder.prepare(ops, memory),
            Self::Transformer(decoder) => decoder.prepare(ops, memory),
            Self::Pretrained(decoder) => decoder.prepare(ops, memory),
        }
    }

    /// Hidden vectors `[batch, time, width]` for embedded texts `[batch, time, embedding]`, causal.
    pub fn forward(&self, tokens: &Tensor, prepared: &Prepared<Tensor>, mode: &Mode) -> ModelResult<Tensor> {
        match self {
            Self::Recurrent(decoder) => decoder.forward(tokens, prepared, mode),
            Self::Transformer(decoder) => decoder.forward(tokens, prepared, mode),
            Self::Pretrained(decoder) => decoder.forward(tokens, prepared, mode),
        }
    }

    /// One decoding step: hidden vectors `[batch, width]` for embeddings `[batch, embedding]`, and the new
    /// states.
    pub fn step<O: Ops>(
        &self,
        ops: &mut O,
        token: &O::Value,
        prepared: &Prepared<O::Value>,
    ) -> ModelResult<(O::Value, Vec<O::Value>)> {
        match self {
            Self::Recurrent(decoder) => decoder.step(ops, token, prepared),
            Self::Transformer(decoder) => decoder.step(ops, token, prepared),
            Self::Pretrained(decoder) => decoder.step(ops, token, prepared),
        }
    }

    /// Graph names of the tensors that [`Self::prepare`] returns.
    pub fn ports(&self) -> Prepared<DecoderPort> {
        match self {
            Self::Recurrent(decoder) => decoder.ports(),
            Self::Transformer(decoder) => decoder.ports(),
            Self::Pretrained(decoder) => decoder.ports(),
        }
    }
}

/// Number of real steps of each row, from a mask `[batch, time]`.
pub fn lengths(mask: &Tensor) -> ModelResult<Arc<[u32]>> {
    Ok(host(&mask.sum(1)?)?.into_iter().map(|length| length as u32).collect())
}
