//! A recurrent decoder. Its first state is tanh(W m), m the mean of the memory (or the vector it is). With
//! attention, what it has looked at joins its state after the recurrence, tanh(W [h, context]) (Luong, Pham &
//! Manning 2015), so that while learning all tokens are done at once.

use candle_core::{Tensor, Var};

use crate::domain::decoder::Attention;
use crate::domain::shape::Shape;
use crate::model::emission::constant;
use crate::model::error::Result;
use crate::model::head::decoder::attention::{
    emit_bias, emit_mean, emit_pooled, lengths, mean, pooled, to_read,
};
use crate::model::head::decoder::{Decoder, Port, Prepared};
use crate::model::kernel::activation::activation;
use crate::model::kernel::attention::attention;
use crate::model::kernel::recurrence::BIAS;
use crate::model::layer::activation::Activation;
use crate::model::layer::dense::Dense;
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::{Init, Weights};
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// A recurrent cell; rows come first in its states.
pub trait Cell: Send + Sync {
    fn units(&self) -> usize;

    /// What its states are called; the first is its hidden vector.
    fn states(&self) -> &'static [&'static str];

    /// The hidden vectors `[rows, time, units]` after each of `x` `[rows, time, width]`, and the last states.
    fn run(&self, x: &Tensor, states: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)>;

    /// One step in a graph: `x` is `[rows, width]`.
    fn emit(&self, graph: &mut Graph, x: &Value, states: &[Value]) -> Result<(Value, Vec<Value>)>;
}

/// The weights of a cell as its kernel takes them.
pub struct Gates {
    name: String,
    /// `[width + units, gates x units]`: of the input, above that of the state.
    pub weight: Var,
    /// `[4 units]`
    pub bias: Var,
    pub units: usize,
    gates: usize,
}

impl Gates {
    /// Everything begins evenly within 1 / sqrt(units), as PyTorch's.
    pub fn build(
        name: &str,
        width: usize,
        units: usize,
        gates: usize,
        weights: &mut Weights,
    ) -> Result<Self> {
        let init = Init::fan_in(units);
        let shape = [width + units, gates * units];
        let weight = weights.variable(&format!("{name}.weight"), &shape, init.clone())?;
        let bias = weights.variable(&format!("{name}.bias"), &[BIAS * units], init)?;
        Ok(Self { name: name.to_owned(), weight, bias, units, gates })
    }

    /// The input's part of the gates with its bias, and the state's part: `[rows, gates x units]` each.
    pub fn emit(&self, graph: &mut Graph, x: &Value, h: &Value) -> Result<(Value, Value)> {
        let width = self.weight.dim(0)? - self.units;
        let input = self.weight.narrow(0, 0, width)?;
        let input = constant(graph, &format!("{}.input.weight", self.name), &input)?;
        let state = self.weight.narrow(0, width, self.units)?;
        let state = constant(graph, &format!("{}.state.weight", self.name), &state)?;
        let bias = self.emit_bias(graph, 0, self.gates)?;
        let x = operator::dense(graph, x, &input, Some(&bias));
        Ok((x, operator::matmul(graph, h, &state)))
    }

    /// Some blocks of the bias.
    pub fn emit_bias(&self, graph: &mut Graph, first: usize, count: usize) -> Result<Value> {
        let bias = self.bias.narrow(0, first * self.units, count * self.units)?;
        constant(graph, &format!("{}.bias", self.name), &bias)
    }
}

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
pub struct Recurrent<C> {
    cell: C,
    /// Of the cell's states, in order.
    first: Vec<Dense>,
    reader: Option<Reader>,
    memory: usize,
}

impl<C: Cell> Recurrent<C> {
    pub fn build(
        name: &str,
        cell: C,
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
        Ok(Self { cell, first, reader, memory: width })
    }

    /// h `[rows, time, units]` joined by what it looks at.
    fn read(&self, h: &Tensor, fixed: &[Tensor]) -> Result<Tensor> {
        let Some(reader) = &self.reader else { return Ok(h.clone()) };
        let (mask, memory) = (&fixed[0], &fixed[1]);
        let lengths = lengths(mask)?;
        let context = match &reader.look {
            // The kernel divides by the root that is multiplied with here.
            Look::Dot { query } => {
                let query = (query.apply(h)? * (self.memory as f64).sqrt())?;
                attention(&query, memory, memory, &to_read(&lengths, 1))?
            }
            Look::Additive { query, score, .. } => {
                // [rows, time, 1, units] + [rows, 1, seen, units]
                let sum = query.apply(h)?.unsqueeze(2)?.broadcast_add(&fixed[2].unsqueeze(1)?)?;
                mean(&score.apply(&activation(Activation::Tanh, &sum)?)?.squeeze(3)?, &lengths, memory)?
            }
        };
        reader.combine.apply(&Tensor::cat(&[h, &context], 2)?)
    }
}

impl<C: Cell> Decoder for Recurrent<C> {
    fn width(&self) -> usize {
        self.cell.units()
    }

    fn prepare(&self, memory: &Signal, _: &Mode) -> Result<Prepared<Tensor>> {
        let mask = memory.mask.as_ref().map(|mask| &mask.steps);
        let known = pooled(&memory.x, mask)?;
        let states = self.first.iter().map(|first| first.apply(&known)).collect::<Result<_>>()?;
        let mut fixed = Vec::new();
        if let Some(reader) = &self.reader {
            let (rows, time, _) = memory.x.dims3()?;
            fixed.push(match mask {
                Some(mask) => mask.clone(),
                None => Tensor::ones((rows, time), memory.x.dtype(), memory.x.device())?,
            });
            fixed.push(memory.x.contiguous()?);
            if let Look::Additive { key, .. } = &reader.look {
                fixed.push(key.apply(&memory.x)?);
            }
        }
        Ok(Prepared { fixed, states })
    }

    fn forward(&self, tokens: &Tensor, prepared: &Prepared<Tensor>, _: &Mode) -> Result<Tensor> {
        let (h, _) = self.cell.run(tokens, &prepared.states)?;
        self.read(&h, &prepared.fixed)
    }

    fn step(&self, token: &Tensor, prepared: &Prepared<Tensor>) -> Result<(Tensor, Vec<Tensor>)> {
        let (h, states) = self.cell.run(&token.unsqueeze(1)?, &prepared.states)?;
        Ok((self.read(&h, &prepared.fixed)?.squeeze(1)?, states))
    }

    fn ports(&self) -> Prepared<Port> {
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

    fn emit_prepare(&self, graph: &mut Graph, memory: &Wire) -> Result<Prepared<Value>> {
        let known = match &memory.mask {
            Some(mask) => emit_pooled(graph, &memory.x, &mask.steps),
            None => memory.x.clone(),
        };
        let states = self.first.iter().map(|first| first.nodes(graph, &known)).collect::<Result<_>>()?;
        let mut fixed = Vec::new();
        if let (Some(reader), Some(mask)) = (&self.reader, &memory.mask) {
            fixed.extend([mask.steps.clone(), memory.x.clone()]);
            if let Look::Additive { key, .. } = &reader.look {
                fixed.push(key.nodes(graph, &memory.x)?);
            }
        }
        Ok(Prepared { fixed, states })
    }

    fn emit_step(
        &self,
        graph: &mut Graph,
        token: &Value,
        prepared: &Prepared<Value>,
    ) -> Result<(Value, Vec<Value>)> {
        let (h, states) = self.cell.emit(graph, token, &prepared.states)?;
        let Some(reader) = &self.reader else { return Ok((h, states)) };
        let (mask, memory) = (&prepared.fixed[0], &prepared.fixed[1]);
        let scores = match &reader.look {
            Look::Dot { query } => {
                let query = query.nodes(graph, &h)?;
                let query = operator::unsqueeze(graph, &query, &[1]);
                let turned = operator::transpose(graph, memory, &[0, 2, 1]);
                operator::matmul(graph, &query, &turned)
            }
            Look::Additive { query, score, .. } => {
                let query = query.nodes(graph, &h)?;
                let query = operator::unsqueeze(graph, &query, &[1]);
                let sum = operator::add(graph, &query, &prepared.fixed[2]);
                let bounded = operator::tanh(graph, &sum);
                let scores = score.nodes(graph, &bounded)?;
                operator::transpose(graph, &scores, &[0, 2, 1])
            }
        };
        let bias = emit_bias(graph, mask);
        let context = emit_mean(graph, &scores, &bias, memory);
        let context = operator::squeeze(graph, &context, &[1]);
        let both = operator::concat(graph, &[&h, &context], 1);
        Ok((reader.combine.nodes(graph, &both)?, states))
    }
}
