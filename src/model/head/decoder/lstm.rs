//! Long short-term memory as a decoder's cell; formula and paper stand with the
//! [kernel](crate::model::kernel::lstm).

use candle_core::Tensor;

use crate::model::error::Result;
use crate::model::head::decoder::recurrent::{Cell, Gates};
use crate::model::kernel::lstm::lstm_with_state;
use crate::model::kernel::recurrence::Course;
use crate::model::weights::Weights;
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// A cell; its gates stand in the order i, f, g, o.
pub struct Lstm(Gates);

impl Lstm {
    pub fn build(name: &str, width: usize, units: usize, weights: &mut Weights) -> Result<Self> {
        Gates::build(name, width, units, 4, weights).map(Self)
    }
}

impl Cell for Lstm {
    fn units(&self) -> usize {
        self.0.units
    }

    fn states(&self) -> &'static [&'static str] {
        &["hidden", "cell"]
    }

    fn run(&self, x: &Tensor, states: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let Gates { weight, bias, units, .. } = &self.0;
        let first = Tensor::cat(states, 1)?;
        let (y, last) = lstm_with_state(x, weight, bias, Some(&first), Course::default())?;
        Ok((y, vec![last.narrow(1, 0, *units)?, last.narrow(1, *units, *units)?]))
    }

    fn emit(&self, graph: &mut Graph, x: &Value, states: &[Value]) -> Result<(Value, Vec<Value>)> {
        let u = self.0.units as i64;
        let (x, state) = self.0.emit(graph, x, &states[0])?;
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
