//! Long short-term memory (Hochreiter & Schmidhuber 1997), as PyTorch's `nn.LSTM`: from x W + h U, each with
//! its bias, the gates i, f, o = s(...) and g = tanh(...); c' = f c + i g, h' = o tanh(c').

use candle_core::Tensor;

use crate::model::error::Result;
use crate::model::head::decoder::recurrent::Cell;
use crate::model::kernel::activation::{activation, sigmoid};
use crate::model::layer::activation::Activation;
use crate::model::layer::dense::Dense;
use crate::model::weights::Weights;
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// A cell; its gates stand in the order i, f, g, o.
pub struct Lstm {
    input: Dense,
    state: Dense,
    units: usize,
}

impl Lstm {
    pub fn build(name: &str, width: usize, units: usize, weights: &mut Weights) -> Result<Self> {
        let dense = |part: &str, width, weights: &mut Weights| {
            Dense::projection(&format!("{name}.{part}"), width, 4 * units, weights)
        };
        Ok(Self { input: dense("input", width, weights)?, state: dense("state", units, weights)?, units })
    }

    /// One step; `x` is already projected.
    fn turn(&self, x: &Tensor, h: &Tensor, c: &Tensor) -> Result<(Tensor, Tensor)> {
        let u = self.units;
        let sum = (x + self.state.apply(h)?)?;
        let gates = sigmoid(&sum.narrow(1, 0, 2 * u)?)?;
        let new = activation(Activation::Tanh, &sum.narrow(1, 2 * u, u)?)?;
        let out = sigmoid(&sum.narrow(1, 3 * u, u)?)?;
        let c = (gates.narrow(1, u, u)?.mul(c)? + gates.narrow(1, 0, u)?.mul(&new)?)?;
        Ok((out.mul(&activation(Activation::Tanh, &c)?)?, c))
    }
}

impl Cell for Lstm {
    fn units(&self) -> usize {
        self.units
    }

    fn states(&self) -> &'static [&'static str] {
        &["hidden", "cell"]
    }

    fn run(&self, x: &Tensor, states: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let projected = self.input.apply(x)?;
        let (mut h, mut c) = (states[0].clone(), states[1].clone());
        let mut all = Vec::with_capacity(x.dim(1)?);
        for t in 0..x.dim(1)? {
            (h, c) = self.turn(&projected.narrow(1, t, 1)?.squeeze(1)?.contiguous()?, &h, &c)?;
            all.push(h.clone());
        }
        Ok((Tensor::stack(&all, 1)?, vec![h, c]))
    }

    fn emit(&self, graph: &mut Graph, x: &Value, states: &[Value]) -> Result<(Value, Vec<Value>)> {
        let u = self.units as i64;
        let x = self.input.nodes(graph, x)?;
        let state = self.state.nodes(graph, &states[0])?;
        let sum = operator::add(graph, &x, &state);
        let sum = operator::split(graph, &sum, 1, &[2 * u, u, u]);
        let gates = operator::sigmoid(graph, &sum[0]);
        let gates = operator::split(graph, &gates, 1, &[u, u]);
        let new = operator::tanh(graph, &sum[1]);
        let out = operator::sigmoid(graph, &sum[2]);
        let kept = operator::mul(graph, &gates[1], &states[1]);
        let new = operator::mul(graph, &gates[0], &new);
        let c = operator::add(graph, &kept, &new);
        let bounded = operator::tanh(graph, &c);
        let h = operator::mul(graph, &out, &bounded);
        Ok((h.clone(), vec![h, c]))
    }
}
