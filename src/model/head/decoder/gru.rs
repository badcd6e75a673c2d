//! A gated recurrent unit as a decoder's cell; formula and paper stand with the
//! [kernel](crate::model::kernel::gru).

use candle_core::Tensor;

use crate::model::error::Result;
use crate::model::head::decoder::recurrent::{Cell, Gates};
use crate::model::kernel::gru::gru_with_state;
use crate::model::kernel::recurrence::Course;
use crate::model::weights::Weights;
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// A cell; its gates stand in the order r, z, n.
pub struct Gru(Gates);

impl Gru {
    pub fn build(name: &str, width: usize, units: usize, weights: &mut Weights) -> Result<Self> {
        Gates::build(name, width, units, 3, weights).map(Self)
    }
}

impl Cell for Gru {
    fn units(&self) -> usize {
        self.0.units
    }

    fn states(&self) -> &'static [&'static str] {
        &["hidden"]
    }

    fn run(&self, x: &Tensor, states: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let Gates { weight, bias, .. } = &self.0;
        let (y, h) = gru_with_state(x, weight, bias, Some(&states[0]), Course::default())?;
        Ok((y, vec![h]))
    }

    fn emit(&self, graph: &mut Graph, x: &Value, states: &[Value]) -> Result<(Value, Vec<Value>)> {
        let u = self.0.units as i64;
        let (x, state) = self.0.emit(graph, x, &states[0])?;
        let x = operator::split(graph, &x, 1, &[2 * u, u]);
        let state = operator::split(graph, &state, 1, &[2 * u, u]);
        let gates = operator::add(graph, &x[0], &state[0]);
        let gates = operator::sigmoid(graph, &gates);
        let gates = operator::split(graph, &gates, 1, &[u, u]);
        let bias = self.0.emit_bias(graph, 3, 1)?;
        let side = operator::add(graph, &state[1], &bias);
        let reset = operator::mul(graph, &gates[0], &side);
        let new = operator::add(graph, &x[1], &reset);
        let new = operator::tanh(graph, &new);
        let kept = operator::sub(graph, &states[0], &new);
        let kept = operator::mul(graph, &gates[1], &kept);
        let h = operator::add(graph, &new, &kept);
        Ok((h.clone(), vec![h]))
    }
}
