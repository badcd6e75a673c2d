//! A recurrent cell's step in a graph, gate by gate; formulas and papers stand with the kernels of the
//! [GRU](crate::model::kernel::gru) and the [LSTM](crate::model::kernel::lstm).

use crate::model::error::ModelResult;
use crate::model::head::decoder::cell::GateWeights;
use crate::model::ops::Nodes;
use crate::model::weights::host;
use crate::onnx::graph::GraphValue;
use crate::onnx::operator;

impl Nodes<'_> {
    /// Gates stand in the order r, z, n.
    pub(super) fn gru_step(
        &mut self,
        gates: &GateWeights,
        x: &GraphValue,
        states: &[GraphValue],
    ) -> ModelResult<(GraphValue, Vec<GraphValue>)> {
        let u = gates.units as i64;
        let (x, state) = self.both_parts(gates, 3, x, &states[0])?;
        let x = operator::split(self.graph, &x, 1, &[2 * u, u]);
        let state = operator::split(self.graph, &state, 1, &[2 * u, u]);
        let both = operator::add(self.graph, &x[0], &state[0]);
        let both = operator::sigmoid(self.graph, &both);
        let both = operator::split(self.graph, &both, 1, &[u, u]);
        let bias = self.bias(gates, 3, 1)?;
        let graph = &mut *self.graph;
        let side = operator::add(graph, &state[1], &bias);
        let reset = operator::mul(graph, &both[0], &side);
        let new = operator::add(graph, &x[1], &reset);
        let new = operator::tanh(graph, &new);
        let kept = operator::sub(graph, &states[0], &new);
        let kept = operator::mul(graph, &both[1], &kept);
        let h = operator::add(graph, &new, &kept);
        Ok((h.clone(), vec![h]))
    }

    /// Gates stand in the order i, f, g, o.
    pub(super) fn lstm_step(
        &mut self,
        gates: &GateWeights,
        x: &GraphValue,
        states: &[GraphValue],
    ) -> ModelResult<(GraphValue, Vec<GraphValue>)> {
        let u = gates.units as i64;
        let (x, state) = self.both_parts(gates, 4, x, &states[0])?;
        let graph = &mut *self.graph;
        let sum = operator::add(graph, &x, &state);
        let sum = operator::split(graph, &sum, 1, &[2 * u, u, u]);
        let both = operator::sigmoid(graph, &sum[0]);
        let both = operator::split(graph, &both, 1, &[u, u]);
        let new = operator::tanh(graph, &sum[1]);
        let out = operator::sigmoid(graph, &sum[2]);
        let kept = operator::mul(graph, &both[1], &states[1]);
        let new = operator::mul(graph, &both[0], &new);
        let c = operator::add(graph, &kept, &new);
        let bounded = operator::tanh(graph, &c);
        let h = operator::mul(graph, &out, &bounded);
        Ok((h.clone(), vec![h, c]))
    }

    /// The input's part of so many gates with its bias, and the state's part: `[rows, count x units]` each.
    fn both_parts(
        &mut self,
        gates: &GateWeights,
        count: usize,
        x: &GraphValue,
        h: &GraphValue,
    ) -> ModelResult<(GraphValue, GraphValue)> {
        let weight = gates.weight.tensor();
        let width = weight.dim(0)? - gates.units;
        let mut part = |name: &str, start, rows| -> ModelResult<GraphValue> {
            let part = weight.narrow(0, start, rows)?;
            Ok(self.graph.weight(&format!("{}.{name}.weight", gates.name), part.dims(), &host(&part)?))
        };
        let (input, state) = (part("input", 0, width)?, part("state", width, gates.units)?);
        let bias = self.bias(gates, 0, count)?;
        let x = operator::dense(self.graph, x, &input, Some(&bias));
        Ok((x, operator::matmul(self.graph, h, &state)))
    }

    /// Some blocks of the bias.
    fn bias(&mut self, gates: &GateWeights, first: usize, count: usize) -> ModelResult<GraphValue> {
        let bias = gates.bias.tensor().narrow(0, first * gates.units, count * gates.units)?;
        Ok(self.graph.weight(gates.bias.name(), bias.dims(), &host(&bias)?))
    }
}
