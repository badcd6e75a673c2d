//! A recurrent decoder. Its first state is tanh(W m), m the mean of the memory (or the vector it is). With
//! attention, what it has looked at joins its state after the recurrence, tanh(W [h, context]) (Luong, Pham &
//! Manning 2015), so that while learning all tokens are done at once.

use candle_core::Tensor;

use crate::domain::decoder::DecoderAttention;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::head::decoder::cell::DecoderCell;
use crate::model::head::decoder::{DecoderPort, Prepared};
use crate::model::mode::Mode;
use crate::model::ops::dense::Dense;
use crate::model::ops::{Ops, Tensors};
use crate::model::weights::Weights;

/// How it looks at a sequence.
enum DecoderAttentionLayer {
    Dot {
        /// `[units, memory]`
        query: Dense,
    },
    Additive {
        /// `[units, units]`
        query: Dense,
        /// `[memory, units]`
        key: Dense,
        /// `[units, 1]`
        score: Dense,
    },
}

/// What it looked at joins its state.
struct ContextMerge {
    attention: DecoderAttentionLayer,
    combine: Dense,
}

/// A recurrent decoder.
pub struct RecurrentDecoder {
    cell: DecoderCell,
    /// Of the cell's states, in order.
    first: Vec<Dense>,
    reader: Option<ContextMerge>,
    memory: usize,
    /// Is the memory a sequence, and not a vector?
    sequence: bool,
}

impl RecurrentDecoder {
    pub fn build(
        name: &str,
        cell: DecoderCell,
        attention: Option<DecoderAttention>,
        memory: Shape,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let (units, width) = (cell.units(), memory.width());
        let first = cell.states().iter().map(|state| {
            Dense::build(&format!("{name}.first.{state}"), width, units, Activation::Tanh, true, weights)
        });
        let first = first.collect::<ModelResult<Vec<_>>>()?;
        let sequence = matches!(memory, Shape::Sequence { .. });
        let attention =
            attention.unwrap_or(if sequence { DecoderAttention::Dot } else { DecoderAttention::None });
        let mut linear = |part: &str, width, units| {
            let name = format!("{name}.attention.{part}");
            Dense::build(&name, width, units, Activation::Identity, false, weights)
        };
        let look = match attention {
            DecoderAttention::None => None,
            DecoderAttention::Dot => {
                Some(DecoderAttentionLayer::Dot { query: linear("query", units, width)? })
            }
            DecoderAttention::Additive => Some(DecoderAttentionLayer::Additive {
                query: linear("query", units, units)?,
                key: linear("key", width, units)?,
                score: linear("score", units, 1)?,
            }),
        };
        let reader = match look {
            Some(look) => {
                let name = format!("{name}.attention.combine");
                let combine = Dense::build(&name, units + width, units, Activation::Tanh, true, weights)?;
                Some(ContextMerge { attention: look, combine })
            }
            None => None,
        };
        Ok(Self { cell, first, reader, memory: width, sequence })
    }

    pub fn width(&self) -> usize {
        self.cell.units()
    }

    pub fn prepare<O: Ops>(
        &self,
        ops: &mut O,
        memory: &Activations<O::Value>,
    ) -> ModelResult<Prepared<O::Value>> {
        let known = match &memory.mask {
            Some(mask) => mean_of_real(ops, &memory.x, &mask.steps)?,
            None if self.sequence => ops.mean(&memory.x, 1, false)?,
            None => memory.x.clone(),
        };
        let states = self.first.iter().map(|first| first.on(ops, &known)).collect::<ModelResult<_>>()?;
        let mut fixed = Vec::new();
        if let Some(reader) = &self.reader {
            fixed.push(match &memory.mask {
                Some(mask) => mask.steps.clone(),
                None => ops.ones(&memory.x)?,
            });
            fixed.push(memory.x.clone());
            if let DecoderAttentionLayer::Additive { key, .. } = &reader.attention {
                fixed.push(key.on(ops, &memory.x)?);
            }
        }
        Ok(Prepared { fixed, states })
    }

    pub fn forward(&self, tokens: &Tensor, prepared: &Prepared<Tensor>, mode: &Mode) -> ModelResult<Tensor> {
        let (h, _) = self.cell.run(tokens, &prepared.states)?;
        self.read(&mut Tensors::new(mode), &h, &prepared.fixed)
    }

    pub fn step<O: Ops>(
        &self,
        ops: &mut O,
        token: &O::Value,
        prepared: &Prepared<O::Value>,
    ) -> ModelResult<(O::Value, Vec<O::Value>)> {
        let (h, states) = ops.recurrent_step(&self.cell, token, &prepared.states)?;
        Ok((self.read(ops, &h, &prepared.fixed)?, states))
    }

    /// h `[rows, units]`, or over tensors `[rows, time, units]`, joined by what it looks at.
    fn read<O: Ops>(&self, ops: &mut O, h: &O::Value, fixed: &[O::Value]) -> ModelResult<O::Value> {
        let Some(reader) = &self.reader else { return Ok(h.clone()) };
        let (mask, memory) = (&fixed[0], &fixed[1]);
        let context = match &reader.attention {
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
        reader.combine.on(ops, &both)
    }

    pub fn ports(&self) -> Prepared<DecoderPort> {
        let states = self.cell.states().iter().map(|state| DecoderPort::vector(state, self.cell.units()));
        let mut fixed = Vec::new();
        if let Some(reader) = &self.reader {
            fixed.push(DecoderPort::sequence("mask", "seen", None));
            fixed.push(DecoderPort::sequence("memory", "seen", Some(self.memory)));
            if matches!(reader.attention, DecoderAttentionLayer::Additive { .. }) {
                fixed.push(DecoderPort::sequence("keys", "seen", Some(self.cell.units())));
            }
        }
        Prepared { fixed, states: states.collect() }
    }
}

/// The mean of a memory's real steps, `[rows, width]`; the mask is `[rows, time]`.
fn mean_of_real<O: Ops>(ops: &mut O, memory: &O::Value, mask: &O::Value) -> ModelResult<O::Value> {
    let steps = ops.unsqueeze(mask, 2)?;
    let real = ops.mul(memory, &steps)?;
    let sum = ops.sum(&real, 1, false)?;
    let count = ops.sum(mask, 1, true)?;
    ops.div(&sum, &count)
}
