//! Operations on values of any rank.

use candle_core::Tensor;

use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::GraphActivations;
use crate::model::error::{ModelError, ModelResult};
use crate::model::mode::Mode;
use crate::model::module::Module;
use crate::model::ops::{Arithmetic, ExpertMixing, Nodes};
use crate::model::weights::{Parameter, host};
use crate::onnx::graph::{Graph, GraphValue};
use crate::onnx::operator;

impl Arithmetic for Nodes<'_> {
    type Value = GraphValue;

    fn mode(&self) -> Mode<'_> {
        Mode::evaluate()
    }

    fn scope(&mut self, name: &str) {
        self.graph.scope(name);
    }

    fn module(&mut self, module: &dyn Module, x: &GraphActivations) -> ModelResult<GraphActivations> {
        module.to_onnx(self.graph, x)
    }

    fn custom(
        &mut self,
        name: &str,
        _: &[GraphValue],
        _: &dyn Fn(&[Tensor]) -> ModelResult<Tensor>,
    ) -> ModelResult<GraphValue> {
        Err(ModelError::NoOnnx { name: name.to_owned() })
    }

    fn check_shape(&mut self, _: &GraphValue, _: Shape) -> ModelResult<(), String> {
        Ok(())
    }

    fn detach(&mut self, x: &GraphActivations) -> ModelResult<GraphActivations> {
        Ok(x.clone())
    }

    fn folds_weights(&self) -> bool {
        true
    }

    fn weight(&mut self, weight: &Parameter) -> ModelResult<GraphValue> {
        let tensor = weight.tensor();
        Ok(self.graph.weight(weight.name(), tensor.dims(), &host(&tensor)?))
    }

    fn constant(
        &mut self,
        name: &str,
        shape: &[usize],
        values: &[f32],
        _: &GraphValue,
    ) -> ModelResult<GraphValue> {
        Ok(self.graph.weight(name, shape, values))
    }

    fn constant_from_weights(&mut self, name: &str, values: &Tensor) -> ModelResult<GraphValue> {
        Ok(self.graph.weight(name, values.dims(), &host(values)?))
    }

    fn expand_rows(&mut self, name: &str, values: &Tensor, _: &GraphValue) -> ModelResult<GraphValue> {
        self.constant_from_weights(name, &values.squeeze(0)?)
    }

    fn add(&mut self, a: &GraphValue, b: &GraphValue) -> ModelResult<GraphValue> {
        Ok(operator::add(self.graph, a, b))
    }

    fn sub(&mut self, a: &GraphValue, b: &GraphValue) -> ModelResult<GraphValue> {
        Ok(operator::sub(self.graph, a, b))
    }

    fn mul(&mut self, a: &GraphValue, b: &GraphValue) -> ModelResult<GraphValue> {
        Ok(operator::mul(self.graph, a, b))
    }

    fn div(&mut self, a: &GraphValue, b: &GraphValue) -> ModelResult<GraphValue> {
        Ok(operator::div(self.graph, a, b))
    }

    fn scale(&mut self, x: &GraphValue, factor: f64) -> ModelResult<GraphValue> {
        Ok(operator::scale(self.graph, x, factor as f32))
    }

    fn shift(&mut self, x: &GraphValue, offset: f64) -> ModelResult<GraphValue> {
        Ok(operator::shift(self.graph, x, offset as f32))
    }

    fn neg(&mut self, x: &GraphValue) -> ModelResult<GraphValue> {
        Ok(operator::neg(self.graph, x))
    }

    fn exp(&mut self, x: &GraphValue) -> ModelResult<GraphValue> {
        Ok(operator::exp(self.graph, x))
    }

    fn log(&mut self, x: &GraphValue) -> ModelResult<GraphValue> {
        Ok(operator::log(self.graph, x))
    }

    fn activation(&mut self, function: Activation, x: &GraphValue) -> ModelResult<GraphValue> {
        let graph = &mut *self.graph;
        Ok(match function {
            Activation::Relu => operator::relu(graph, x),
            Activation::Relu6 => operator::clip(graph, x, 0.0, 6.0),
            Activation::LeakyRelu => operator::leaky_relu(graph, x, 0.01),
            Activation::Elu => operator::elu(graph, x),
            Activation::Gelu => operator::gelu(graph, x),
            Activation::GeluTanh => operator::gelu_tanh(graph, x),
            Activation::QuickGelu => operator::quick_gelu(graph, x),
            Activation::Silu => operator::silu(graph, x),
            Activation::HardSwish => operator::hard_swish(graph, x),
            Activation::Mish => operator::mish(graph, x),
            Activation::Tanh => operator::tanh(graph, x),
            Activation::Sigmoid => operator::sigmoid(graph, x),
            Activation::HardSigmoid => operator::hard_sigmoid(graph, x),
            Activation::Softplus => operator::softplus(graph, x),
            Activation::Identity => x.clone(),
        })
    }

    fn softmax(&mut self, x: &GraphValue) -> ModelResult<GraphValue> {
        Ok(operator::softmax(self.graph, x, -1))
    }

    fn matmul(&mut self, a: &GraphValue, b: &GraphValue) -> ModelResult<GraphValue> {
        Ok(operator::matmul(self.graph, a, b))
    }

    fn linear(
        &mut self,
        x: &GraphValue,
        weight: &Parameter,
        bias: Option<&Parameter>,
        activation: Activation,
    ) -> ModelResult<GraphValue> {
        let weight = self.weight(weight)?;
        let bias = bias.map(|bias| self.weight(bias)).transpose()?;
        let y = operator::dense(self.graph, x, &weight, bias.as_ref());
        self.activation(activation, &y)
    }

    fn layer_norm(
        &mut self,
        x: &GraphValue,
        gamma: &Parameter,
        beta: Option<&Parameter>,
        epsilon: f64,
    ) -> ModelResult<GraphValue> {
        let gamma = self.weight(gamma)?;
        let beta = beta.map(|beta| self.weight(beta)).transpose()?;
        Ok(operator::layer_normalization(self.graph, x, &gamma, beta.as_ref(), epsilon as f32))
    }

    /// Of simple operators: `RMSNormalization` is of opset 23.
    fn rms_norm(&mut self, x: &GraphValue, gamma: &Parameter, epsilon: f64) -> ModelResult<GraphValue> {
        let gamma = self.weight(gamma)?;
        let graph = &mut *self.graph;
        let squares = operator::mul(graph, x, x);
        let mean = operator::reduce(graph, "ReduceMean", &squares, &[-1], true);
        let shifted = operator::shift(graph, &mean, epsilon as f32);
        let root = operator::sqrt(graph, &shifted);
        let normalized = operator::div(graph, x, &root);
        Ok(operator::mul(graph, &normalized, &gamma))
    }

    fn dropout(&mut self, _: &str, _: f64, x: &GraphValue) -> ModelResult<GraphValue> {
        Ok(x.clone())
    }

    fn dropout_channels(&mut self, _: &str, _: f64, x: &GraphValue) -> ModelResult<GraphValue> {
        Ok(x.clone())
    }

    fn drop_path(&mut self, _: &str, _: f64, x: &GraphValue) -> ModelResult<GraphValue> {
        Ok(x.clone())
    }

    fn reshape(&mut self, x: &GraphValue, dims: &[i64]) -> ModelResult<GraphValue> {
        Ok(operator::reshape(self.graph, x, dims))
    }

    fn transpose(&mut self, x: &GraphValue, order: &[usize]) -> ModelResult<GraphValue> {
        let order: Vec<i64> = order.iter().map(|axis| *axis as i64).collect();
        Ok(operator::transpose(self.graph, x, &order))
    }

    fn concat(&mut self, values: &[GraphValue], axis: i64) -> ModelResult<GraphValue> {
        Ok(operator::concat(self.graph, &values.iter().collect::<Vec<_>>(), axis))
    }

    fn stack(&mut self, values: &[GraphValue], axis: usize) -> ModelResult<GraphValue> {
        let values =
            values.iter().map(|value| self.unsqueeze(value, axis)).collect::<ModelResult<Vec<_>>>()?;
        self.concat(&values, axis as i64)
    }

    fn narrow(&mut self, x: &GraphValue, axis: i64, start: usize, count: usize) -> ModelResult<GraphValue> {
        Ok(operator::slice(self.graph, x, axis, start as i64, (start + count) as i64))
    }

    fn unsqueeze(&mut self, x: &GraphValue, axis: usize) -> ModelResult<GraphValue> {
        Ok(operator::unsqueeze(self.graph, x, &[axis as i64]))
    }

    fn squeeze(&mut self, x: &GraphValue, axis: usize) -> ModelResult<GraphValue> {
        Ok(operator::squeeze(self.graph, x, &[axis as i64]))
    }

    fn sum(&mut self, x: &GraphValue, axis: i64, keep: bool) -> ModelResult<GraphValue> {
        Ok(operator::reduce_sum(self.graph, x, &[axis], keep))
    }

    fn mean(&mut self, x: &GraphValue, axis: i64, keep: bool) -> ModelResult<GraphValue> {
        Ok(operator::reduce(self.graph, "ReduceMean", x, &[axis], keep))
    }

    fn rows(&mut self, x: &GraphValue, _: usize) -> ModelResult<GraphValue> {
        Ok(x.clone())
    }

    fn unflatten_rows(&mut self, rows: &GraphValue, _: &GraphValue) -> ModelResult<GraphValue> {
        Ok(rows.clone())
    }

    fn mix_rows(&mut self, matrix: &Tensor, values: &[GraphValue]) -> ModelResult<Vec<GraphValue>> {
        let weights = host(matrix)?;
        Ok(weights
            .chunks_exact(values.len().max(1))
            .map(|row| weighted_sum(self.graph, row, values))
            .collect())
    }

    fn mix_experts(
        &mut self,
        gate: &GraphValue,
        experts: &[GraphValue],
        _: &mut Option<GraphValue>,
        ExpertMixing { rank, gate_rank, is_static }: ExpertMixing,
    ) -> ModelResult<GraphValue> {
        // The experts' dimension comes right after those of the gate.
        let stack = self.stack(experts, gate_rank)?;
        let graph = &mut *self.graph;
        let (rank, axis) = (rank as i64, gate_rank as i64);
        // A static gate `[experts]` has no dimensions before the experts'.
        let trailing: Vec<i64> =
            if is_static { (1..=rank - axis).collect() } else { (axis + 1..=rank).collect() };
        let gate = operator::unsqueeze(graph, gate, &trailing);
        let parts = operator::mul(graph, &stack, &gate);
        Ok(operator::reduce_sum(graph, &parts, &[axis], false))
    }

    fn logit_of_product(&mut self, a: &GraphValue, b: &GraphValue) -> ModelResult<GraphValue> {
        let graph = &mut *self.graph;
        let (a, b) = (operator::neg(graph, a), operator::neg(graph, b));
        let both = operator::add(graph, &a, &b);
        let all = operator::concat(graph, &[&a, &b, &both], 1);
        let largest = operator::reduce(graph, "ReduceMax", &all, &[1], true);
        let shifted = operator::sub(graph, &all, &largest);
        let exp = operator::exp(graph, &shifted);
        let sum = operator::reduce_sum(graph, &exp, &[1], true);
        let log = operator::log(graph, &sum);
        let total = operator::add(graph, &log, &largest);
        Ok(operator::neg(graph, &total))
    }
}

/// The weighted sum of the values; values of weight 0 are left out.
fn weighted_sum(graph: &mut Graph, weights: &[f32], values: &[GraphValue]) -> GraphValue {
    let mut parts: Vec<GraphValue> = Vec::new();
    for (weight, value) in weights.iter().zip(values).filter(|(weight, _)| **weight != 0.0) {
        parts.push(match *weight {
            1.0 => value.clone(),
            weight => operator::scale(graph, value, weight),
        });
    }
    match parts.len() {
        0 => operator::scale(graph, &values[0], 0.0),
        1 => parts.remove(0),
        _ => operator::sum(graph, &parts.iter().collect::<Vec<_>>()),
    }
}
