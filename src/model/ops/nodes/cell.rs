//! One step of a recurrent cell in a graph. For formulas and papers see the kernels of the
//! [GRU](crate::model::kernel::gru) and the [LSTM](crate::model::kernel::lstm).

use crate::model::error::ModelResult;
use crate::model::head::decoder::cell::GateWeights;
use crate::model::ops::Nodes;
use crate::model::weights::host;
use crate::onnx::graph::GraphValue;
use crate::onnx::operator;

impl Nodes<'_> {
    /// Gates are in the order r, z, n.
    pub(super) fn gru_step(
        &mut self,
        gates: &GateWeights,
        x: &GraphValue,
        states: &[GraphValue],
    ) -> ModelResult<(GraphValue, Vec<GraphValue>)> {
        let u = gates.units as i64;
        let (x, state) = self.projections(gates, 3, x, &states[0])?;
        let x = operator::split(self.graph, &x, 1, &[2 * u, u]);
        let state = operator::split(self.graph, &state, 1, &[2 * u, u]);
        let sum = operator::add(self.graph, &x[0], &state[0]);
        let sigmoid = operator::sigmoid(self.graph, &sum);
        let reset_update = operator::split(self.graph, &sigmoid, 1, &[u, u]);
        let (r, z) = (&reset_update[0], &reset_update[1]);
        let bias = self.bias(gates, 3, 1)?;
        let graph = &mut *self.graph;
        let state = operator::add(graph, &state[1], &bias);
        let state = operator::mul(graph, r, &state);
        let n = operator::add(graph, &x[1], &state);
        let n = operator::tanh(graph, &n);
        let difference = operator::sub(graph, &states[0], &n);
        let kept = operator::mul(graph, z, &difference);
        let h = operator::add(graph, &n, &kept);
        Ok((h.clone(), vec![h]))
    }

    /// Gates are in the order i, f, g, o.
    pub(super) fn lstm_step(
        &mut self,
        gates: &GateWeights,
        x: &GraphValue,
        states: &[GraphValue],
    ) -> ModelResult<(GraphValue, Vec<GraphValue>)> {
        let u = gates.units as i64;
        let (x, state) = self.projections(gates, 4, x, &states[0])?;
        let graph = &mut *self.graph;
        let sum = operator::add(graph, &x, &state);
        let sum = operator::split(graph, &sum, 1, &[2 * u, u, u]);
        let sigmoid = operator::sigmoid(graph, &sum[0]);
        let input_forget = operator::split(graph, &sigmoid, 1, &[u, u]);
        let (i, f) = (&input_forget[0], &input_forget[1]);
        let g = operator::tanh(graph, &sum[1]);
        let o = operator::sigmoid(graph, &sum[2]);
        let kept = operator::mul(graph, f, &states[1]);
        let new = operator::mul(graph, i, &g);
        let c = operator::add(graph, &kept, &new);
        let bounded = operator::tanh(graph, &c);
        let h = operator::mul(graph, &o, &bounded);
        Ok((h.clone(), vec![h, c]))
    }

    /// x W + b and h U of the first `count` gates: `[rows, count * units]` each.
    fn projections(
        &mut self,
        gates: &GateWeights,
        count: usize,
        x: &GraphValue,
        h: &GraphValue,
    ) -> ModelResult<(GraphValue, GraphValue)> {
        let weight = gates.weight.tensor();
        let width = weight.dim(0)? - gates.units;
        let mut rows = |name: &str, start, count| -> ModelResult<GraphValue> {
            let rows = weight.narrow(0, start, count)?;
            Ok(self.graph.weight(&format!("{}.{name}.weight", gates.name), rows.dims(), &host(&rows)?))
        };
        let (input, state) = (rows("input", 0, width)?, rows("state", width, gates.units)?);
        let bias = self.bias(gates, 0, count)?;
        let x = operator::dense(self.graph, x, &input, Some(&bias));
        Ok((x, operator::matmul(self.graph, h, &state)))
    }

    /// `count` blocks of the bias, starting at block `first`.
    fn bias(&mut self, gates: &GateWeights, first: usize, count: usize) -> ModelResult<GraphValue> {
        let bias = gates.bias.tensor().narrow(0, first * gates.units, count * gates.units)?;
        Ok(self.graph.weight(gates.bias.name(), bias.dims(), &host(&bias)?))
    }
}
