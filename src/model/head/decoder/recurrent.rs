//! A recurrent decoder. Its initial state is tanh(W m), where m is the mean of the memory (or the memory, if
//! it is a vector). With attention, the context is combined with the state after the recurrence,
//! tanh(W [h, context]) (Luong, Pham & Manning 2015), so that training computes all tokens at once.

use candle_core::Tensor;

use crate::domain::decoder::DecoderAttention;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::{ModelError, ModelResult};
use crate::model::head::decoder::cell::DecoderCell;
use crate::model::head::decoder::{DecoderPort, Prepared};
use crate::model::mode::Mode;
use crate::model::ops::dense::Dense;
use crate::model::ops::{Ops, Tensors};
use crate::model::weights::Weights;

/// Attention of a recurrent decoder.
enum DecoderAttentionLayer {
    Dot {
        /// `[units, memory]`
        query: Dense,
    },
    Additive {
        /// `[units, units]`
        query: Dense,
        /// `[memory, units]`
        key: Box<Dense>,
        /// `[units, 1]`
        score: Box<Dense>,
    },
}

/// Attention, and the layer that combines its context with the hidden state.
struct ContextMerge {
    layer: DecoderAttentionLayer,
    combine: Dense,
}

/// A recurrent decoder.
pub struct RecurrentDecoder {
    cell: DecoderCell,
    /// Projections to the initial states.
    initial_states: Vec<Dense>,
    attention: Option<ContextMerge>,
    memory_width: usize,
    /// Whether the memory is a sequence instead of a vector.
    sequence: bool,
}

impl RecurrentDecoder {
    /// A decoder over an encoder's output of shape `memory`; weights are named below `name`.
    pub fn build(
        name: &str,
        cell: DecoderCell,
        attention: Option<DecoderAttention>,
        memory: Shape,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let (units, width) = (cell.units(), memory.width());
        let initial_states = cell.states().iter().map(|state| {
            Dense::build(&format!("{name}.first.{state}"), width, units, Activation::Tanh, true, weights)
        });
        let initial_states = initial_states.collect::<ModelResult<Vec<_>>>()?;
        let sequence = matches!(memory, Shape::Sequence { .. });
        let attention =
            attention.unwrap_or(if sequence { DecoderAttention::Dot } else { DecoderAttention::None });
        let mut linear = |part: &str, width, units| {
            let name = format!("{name}.attention.{part}");
            Dense::build(&name, width, units, Activation::Identity, false, weights)
        };
        let layer = match attention {
            DecoderAttention::None => None,
            DecoderAttention::Dot => {
                Some(DecoderAttentionLayer::Dot { query: linear("query", units, width)? })
            }
            DecoderAttention::Additive => Some(DecoderAttentionLayer::Additive {
                query: linear("query", units, units)?,
                key: Box::new(linear("key", width, units)?),
                score: Box::new(linear("score", units, 1)?),
            }),
        };
        let attention = layer.map(|layer| {
            let name = format!("{name}.attention.combine");
            let combine = Dense::build(&name, units + width, units, Activation::Tanh, true, weights)?;
            Ok::<_, ModelError>(ContextMerge { layer, combine })
        });
        let attention = attention.transpose()?;
        Ok(Self { cell, initial_states, attention, memory_width: width, sequence })
    }

    /// Width of the hidden vectors.
    pub fn width(&self) -> usize {
        self.cell.units()
    }

    /// Computes once per row what every step reads: initial states, and keys and values of the attention.
    pub fn prepare<O: Ops>(
        &self,
        ops: &mut O,
        memory: &Activations<O::Value>,
    ) -> ModelResult<Prepared<O::Value>> {
        let mean = match &memory.mask {
            Some(mask) => masked_mean(ops, &memory.x, &mask.steps)?,
            None if self.sequence => ops.mean(&memory.x, 1, false)?,
            None => memory.x.clone(),
        };
        let states = self.initial_states.iter().map(|state| state.on(ops, &mean));
        let states = states.collect::<ModelResult<_>>()?;
        let mut fixed = Vec::new();
        if let Some(attention) = &self.attention {
            fixed.push(match &memory.mask {
                Some(mask) => mask.steps.clone(),
                None => ops.ones(&memory.x)?,
            });
            fixed.push(memory.x.clone());
            if let DecoderAttentionLayer::Additive { key, .. } = &attention.layer {
                fixed.push(key.on(ops, &memory.x)?);
            }
        }
        Ok(Prepared { fixed, states })
    }

    /// Hidden vectors `[batch, time, width]` for embedded tokens `[batch, time, embedding]`, all at once.
    pub fn forward(&self, tokens: &Tensor, prepared: &Prepared<Tensor>, mode: &Mode) -> ModelResult<Tensor> {
        let (h, _) = self.cell.run(tokens, &prepared.states)?;
        self.attend(&mut Tensors::new(mode), &h, &prepared.fixed)
    }

    /// One step: hidden vectors `[batch, width]` for embeddings `[batch, embedding]`, and the next states.
    pub fn step<O: Ops>(
        &self,
        ops: &mut O,
        token: &O::Value,
        prepared: &Prepared<O::Value>,
    ) -> ModelResult<(O::Value, Vec<O::Value>)> {
        let (h, states) = ops.recurrent_step(&self.cell, token, &prepared.states)?;
        Ok((self.attend(ops, &h, &prepared.fixed)?, states))
    }

    /// Combines `h`, `[batch, units]` (over tensors also `[batch, time, units]`), with its attention context.
    fn attend<O: Ops>(&self, ops: &mut O, h: &O::Value, fixed: &[O::Value]) -> ModelResult<O::Value> {
        let Some(attention) = &self.attention else { return Ok(h.clone()) };
        let (mask, memory) = (&fixed[0], &fixed[1]);
        let context = match &attention.layer {
            DecoderAttentionLayer::Dot { query } => {
                let query = query.on(ops, h)?;
                ops.dot_attention(&query, memory, mask)?
            }
            DecoderAttentionLayer::Additive { query, score, .. } => {
                let query = query.on(ops, h)?;
                ops.additive_attention(&query, &fixed[2], score, memory, mask)?
            }
        };
        let both = ops.concat(&[h.clone(), context], -1)?;
        attention.combine.on(ops, &both)
    }

    /// Names and dimensions, in a graph, of the tensors that [`Self::prepare`] returns.
    pub fn ports(&self) -> Prepared<DecoderPort> {
        let states = self.cell.states().iter().map(|state| DecoderPort::vector(state, self.cell.units()));
        let mut fixed = Vec::new();
        if let Some(attention) = &self.attention {
            fixed.push(DecoderPort::sequence("mask", "seen", None));
            fixed.push(DecoderPort::sequence("memory", "seen", Some(self.memory_width)));
            if matches!(attention.layer, DecoderAttentionLayer::Additive { .. }) {
                fixed.push(DecoderPort::sequence("keys", "seen", Some(self.cell.units())));
            }
        }
        Prepared { fixed, states: states.collect() }
    }
}

/// Mean over the real steps, `[batch, width]`; the mask is `[batch, time]`.
fn masked_mean<O: Ops>(ops: &mut O, memory: &O::Value, mask: &O::Value) -> ModelResult<O::Value> {
    let steps = ops.unsqueeze(mask, 2)?;
    let real = ops.mul(memory, &steps)?;
    let sum = ops.sum(&real, 1, false)?;
    let count = ops.sum(mask, 1, true)?;
    ops.div(&sum, &count)
}
