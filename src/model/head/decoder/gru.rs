//! A gated recurrent unit (Cho et al. 2014), as PyTorch's `nn.GRU`:
//! r = s(x W_r + h U_r), z = s(x W_z + h U_z), n = tanh(x W_n + r (h U_n)), h' = (1 - z) n + z h,
//! each product with its bias.

use candle_core::Tensor;

use crate::model::error::Result;
use crate::model::head::decoder::recurrent::Cell;
use crate::model::kernel::activation::{activation, sigmoid};
use crate::model::layer::activation::Activation;
use crate::model::layer::dense::Dense;
use crate::model::weights::Weights;
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// A cell; its gates stand in the order r, z, n.
pub struct Gru {
    input: Dense,
    state: Dense,
    units: usize,
}

impl Gru {
    pub fn build(name: &str, width: usize, units: usize, weights: &mut Weights) -> Result<Self> {
        let dense = |part: &str, width, weights: &mut Weights| {
            Dense::projection(&format!("{name}.{part}"), width, 3 * units, weights)
        };
        Ok(Self { input: dense("input", width, weights)?, state: dense("state", units, weights)?, units })
    }

    /// One step; `x` is already projected.
    fn turn(&self, x: &Tensor, h: &Tensor) -> Result<Tensor> {
        let u = self.units;
        let state = self.state.apply(h)?;
        let gates = sigmoid(&(x.narrow(1, 0, 2 * u)? + state.narrow(1, 0, 2 * u)?)?)?;
        let (r, z) = (gates.narrow(1, 0, u)?, gates.narrow(1, u, u)?);
        let new = (x.narrow(1, 2 * u, u)? + r.mul(&state.narrow(1, 2 * u, u)?)?)?;
        let new = activation(Activation::Tanh, &new)?;
        Ok((&new + z.mul(&(h - &new)?)?)?)
    }
}

impl Cell for Gru {
    fn units(&self) -> usize {
        self.units
    }

    fn states(&self) -> &'static [&'static str] {
        &["hidden"]
    }

    fn run(&self, x: &Tensor, states: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let projected = self.input.apply(x)?;
        let mut h = states[0].clone();
        let mut all = Vec::with_capacity(x.dim(1)?);
        for t in 0..x.dim(1)? {
            h = self.turn(&projected.narrow(1, t, 1)?.squeeze(1)?.contiguous()?, &h)?;
            all.push(h.clone());
        }
        Ok((Tensor::stack(&all, 1)?, vec![h]))
    }

    fn emit(&self, graph: &mut Graph, x: &Value, states: &[Value]) -> Result<(Value, Vec<Value>)> {
        let u = self.units as i64;
        let x = self.input.nodes(graph, x)?;
        let state = self.state.nodes(graph, &states[0])?;
        let x = operator::split(graph, &x, 1, &[2 * u, u]);
        let state = operator::split(graph, &state, 1, &[2 * u, u]);
        let gates = operator::add(graph, &x[0], &state[0]);
        let gates = operator::sigmoid(graph, &gates);
        let gates = operator::split(graph, &gates, 1, &[u, u]);
        let reset = operator::mul(graph, &gates[0], &state[1]);
        let new = operator::add(graph, &x[1], &reset);
        let new = operator::tanh(graph, &new);
        let kept = operator::sub(graph, &states[0], &new);
        let kept = operator::mul(graph, &gates[1], &kept);
        let h = operator::add(graph, &new, &kept);
        Ok((h.clone(), vec![h]))
    }
}
