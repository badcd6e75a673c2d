//! A recurrent decoder. Its first state is tanh(W m), m the mean of the memory (or the vector it is). With
//! attention, what it has looked at joins its state after the recurrence, tanh(W [h, context]) (Luong, Pham &
//! Manning 2015), so that while learning all tokens are done at once.

use candle_core::Tensor;

use crate::domain::decoder::Attention;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::error::Result;
use crate::model::head::decoder::cell::Cell;
use crate::model::head::decoder::{Port, Prepared};
use crate::model::mode::Mode;
use crate::model::ops::dense::Dense;
use crate::model::ops::{Ops, Tensors};
use crate::model::signal::Signal;
use crate::model::weights::Weights;

/// How it looks at a sequence.
enum Look {
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
struct Reader {
    look: Look,
    combine: Dense,
}

/// A recurrent decoder.
pub struct Recurrent {
    cell: Cell,
    /// Of the cell's states, in order.
    first: Vec<Dense>,
    reader: Option<Reader>,
    memory: usize,
    /// Is the memory a sequence, and not a vector?
    sequence: bool,
}

impl Recurrent {
    pub fn build(
        name: &str,
        cell: Cell,
        attention: Option<Attention>,
        memory: Shape,
        weights: &mut Weights,
    ) -> Result<Self> {
        let (units, width) = (cell.units(), memory.width());
        let first = cell.states().iter().map(|state| {
            Dense::build(&format!("{name}.first.{state}"), width, units, Activation::Tanh, true, weights)
        });
        let first = first.collect::<Result<Vec<_>>>()?;
        let sequence = matches!(memory, Shape::Sequence { .. });
        let attention = attention.unwrap_or(if sequence { Attention::Dot } else { Attention::None });
        let mut linear = |part: &str, width, units| {
            let name = format!("{name}.attention.{part}");
            Dense::build(&name, width, units, Activation::Identity, false, weights)
        };
        let look = match attention {
            Attention::None => None,
            Attention::Dot => Some(Look::Dot { query: linear("query", units, width)? }),
            Attention::Additive => Some(Look::Additive {
                query: linear("query", units, units)?,
                key: linear("key", width, units)?,
                score: linear("score", units, 1)?,
            }),
        };
        let reader = match look {
            Some(look) => {
                let name = format!("{name}.attention.combine");
                let combine = Dense::build(&name, units + width, units, Activation::Tanh, true, weights)?;
                Some(Reader { look, combine })
            }
            None => None,
        };
        Ok(Self { cell, first, reader, memory: width, sequence })
    }

    pub fn width(&self) -> usize {
        self.cell.units()
    }

    pub fn prepare<O: Ops>(&self, ops: &mut O, memory: &Signal<O::Value>) -> Result<Prepared<O::Value>> {
        let known = match &memory.mask {
            Some(mask) => mean_of_real(ops, &memory.x, &mask.steps)?,
            None if self.sequence => ops.mean(&memory.x, 1, false)?,
            None => memory.x.clone(),
        };
        let states = self.first.iter().map(|first| first.on(ops, &known)).collect::<Result<_>>()?;
        let mut fixed = Vec::new();
        if let Some(reader) = &self.reader {
            fixed.push(match &memory.mask {
                Some(mask) => mask.steps.clone(),
                None => ops.ones(&memory.x)?,
            });
            fixed.push(memory.x.clone());
            if let Look::Additive { key, .. } = &reader.look {
                fixed.push(key.on(ops, &memory.x)?);
            }
        }
        Ok(Prepared { fixed, states })
    }

    pub fn forward(&self, tokens: &Tensor, prepared: &Prepared<Tensor>, mode: &Mode) -> Result<Tensor> {
        let (h, _) = self.cell.run(tokens, &prepared.states)?;
        self.read(&mut Tensors::of(mode), &h, &prepared.fixed)
    }

    pub fn step<O: Ops>(
        &self,
        ops: &mut O,
        token: &O::Value,
        prepared: &Prepared<O::Value>,
    ) -> Result<(O::Value, Vec<O::Value>)> {
        let (h, states) = ops.recurrent_step(&self.cell, token, &prepared.states)?;
        Ok((self.read(ops, &h, &prepared.fixed)?, states))
    }

    /// h `[rows, units]`, or over tensors `[rows, time, units]`, joined by what it looks at.
    fn read<O: Ops>(&self, ops: &mut O, h: &O::Value, fixed: &[O::Value]) -> Result<O::Value> {
        let Some(reader) = &self.reader else { return Ok(h.clone()) };
        let (mask, memory) = (&fixed[0], &fixed[1]);
        let context = match &reader.look {
            Look::Dot { query } => {
                let query = query.on(ops, h)?;
                ops.dot_attention(&query, memory, mask)?
            }
            Look::Additive { query, score, .. } => {
                let query = query.on(ops, h)?;
                ops.additive_attention(&query, &fixed[2], score, memory, mask)?
            }
        };
        let both = ops.concat(&[h.clone(), context], -1)?;
        reader.combine.on(ops, &both)
    }

    pub fn ports(&self) -> Prepared<Port> {
        let states = self.cell.states().iter().map(|state| Port::vector(state, self.cell.units()));
        let mut fixed = Vec::new();
        if let Some(reader) = &self.reader {
            fixed.push(Port::sequence("mask", "seen", None));
            fixed.push(Port::sequence("memory", "seen", Some(self.memory)));
            if matches!(reader.look, Look::Additive { .. }) {
                fixed.push(Port::sequence("keys", "seen", Some(self.cell.units())));
            }
        }
        Prepared { fixed, states: states.collect() }
    }
}

/// The mean of a memory's real steps, `[rows, width]`; the mask is `[rows, time]`.
fn mean_of_real<O: Ops>(ops: &mut O, memory: &O::Value, mask: &O::Value) -> Result<O::Value> {
    let steps = ops.unsqueeze(mask, 2)?;
    let real = ops.mul(memory, &steps)?;
    let sum = ops.sum(&real, 1, false)?;
    let count = ops.sum(mask, 1, true)?;
    ops.div(&sum, &count)
}
