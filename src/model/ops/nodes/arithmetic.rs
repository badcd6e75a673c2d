//! Values of any rank.

use candle_core::Tensor;

use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::error::{Error, Result};
use crate::model::mode::Mode;
use crate::model::module::Module;
use crate::model::ops::{Arithmetic, Mixing, Nodes};
use crate::model::signal::Wire;
use crate::model::weights::{Parameter, host};
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

impl Arithmetic for Nodes<'_> {
    type Value = Value;

    fn mode(&self) -> Mode<'_> {
        Mode::evaluate()
    }

    fn scope(&mut self, name: &str) {
        self.graph.scope(name);
    }

    fn module(&mut self, module: &dyn Module, x: &Wire) -> Result<Wire> {
        module.emit(self.graph, x)
    }

    fn custom(&mut self, name: &str, _: &[Value], _: &dyn Fn(&[Tensor]) -> Result<Tensor>) -> Result<Value> {
        Err(Error::NoOnnx { name: name.to_owned() })
    }

    fn agrees(&mut self, _: &Value, _: Shape) -> Result<(), String> {
        Ok(())
    }

    fn cut(&mut self, x: &Wire) -> Result<Wire> {
        Ok(x.clone())
    }

    fn weight(&mut self, weight: &Parameter) -> Result<Value> {
        let tensor = weight.tensor();
        Ok(self.graph.weight(weight.name(), tensor.dims(), &host(&tensor)?))
    }

    fn constant(&mut self, name: &str, shape: &[usize], values: &[f32], _: &Value) -> Result<Value> {
        Ok(self.graph.weight(name, shape, values))
    }

    fn folded(&mut self, name: &str, numbers: &Tensor) -> Result<Value> {
        Ok(self.graph.weight(name, numbers.dims(), &host(numbers)?))
    }

    fn folded_rows(&mut self, name: &str, numbers: &Tensor, _: &Value) -> Result<Value> {
        self.folded(name, &numbers.squeeze(0)?)
    }

    fn add(&mut self, a: &Value, b: &Value) -> Result<Value> {
        Ok(operator::add(self.graph, a, b))
    }

    fn sub(&mut self, a: &Value, b: &Value) -> Result<Value> {
        Ok(operator::sub(self.graph, a, b))
    }

    fn mul(&mut self, a: &Value, b: &Value) -> Result<Value> {
        Ok(operator::mul(self.graph, a, b))
    }

    fn div(&mut self, a: &Value, b: &Value) -> Result<Value> {
        Ok(operator::div(self.graph, a, b))
    }

    fn scale(&mut self, x: &Value, number: f64) -> Result<Value> {
        Ok(operator::scale(self.graph, x, number as f32))
    }

    fn shift(&mut self, x: &Value, number: f64) -> Result<Value> {
        Ok(operator::shift(self.graph, x, number as f32))
    }

    fn neg(&mut self, x: &Value) -> Result<Value> {
        Ok(operator::neg(self.graph, x))
    }

    fn exp(&mut self, x: &Value) -> Result<Value> {
        Ok(operator::exp(self.graph, x))
    }

    fn log(&mut self, x: &Value) -> Result<Value> {
        Ok(operator::log(self.graph, x))
    }

    fn activation(&mut self, function: Activation, x: &Value) -> Result<Value> {
        let graph = &mut *self.graph;
        Ok(match function {
            Activation::Relu => operator::relu(graph, x),
            Activation::LeakyRelu => operator::leaky_relu(graph, x, 0.01),
            Activation::Elu => operator::elu(graph, x),
            Activation::Gelu => operator::gelu(graph, x),
            Activation::Silu => operator::silu(graph, x),
            Activation::Tanh => operator::tanh(graph, x),
            Activation::Sigmoid => operator::sigmoid(graph, x),
            Activation::Softplus => operator::softplus(graph, x),
            Activation::Identity => x.clone(),
        })
    }

    fn softmax(&mut self, x: &Value) -> Result<Value> {
        Ok(operator::softmax(self.graph, x, -1))
    }

    fn matmul(&mut self, a: &Value, b: &Value) -> Result<Value> {
        Ok(operator::matmul(self.graph, a, b))
    }

    fn linear(
        &mut self,
        x: &Value,
        weight: &Parameter,
        bias: Option<&Parameter>,
        activation: Activation,
    ) -> Result<Value> {
        let weight = self.weight(weight)?;
        let bias = bias.map(|bias| self.weight(bias)).transpose()?;
        let y = operator::dense(self.graph, x, &weight, bias.as_ref());
        self.activation(activation, &y)
    }

    fn layer_norm(&mut self, x: &Value, gamma: &Parameter, beta: &Parameter, epsilon: f64) -> Result<Value> {
        let (gamma, beta) = (self.weight(gamma)?, self.weight(beta)?);
        Ok(operator::layer_normalization(self.graph, x, &gamma, &beta, epsilon as f32))
    }

    fn dropout(&mut self, _: &str, _: f64, x: &Value) -> Result<Value> {
        Ok(x.clone())
    }

    fn dropout_channels(&mut self, _: &str, _: f64, x: &Value) -> Result<Value> {
        Ok(x.clone())
    }

    fn reshape(&mut self, x: &Value, dims: &[i64]) -> Result<Value> {
        Ok(operator::reshape(self.graph, x, dims))
    }

    fn transpose(&mut self, x: &Value, order: &[usize]) -> Result<Value> {
        let order: Vec<i64> = order.iter().map(|axis| *axis as i64).collect();
        Ok(operator::transpose(self.graph, x, &order))
    }

    fn concat(&mut self, values: &[Value], axis: i64) -> Result<Value> {
        Ok(operator::concat(self.graph, &values.iter().collect::<Vec<_>>(), axis))
    }

    fn stack(&mut self, values: &[Value], axis: usize) -> Result<Value> {
        let each = values.iter().map(|value| self.unsqueeze(value, axis)).collect::<Result<Vec<_>>>()?;
        self.concat(&each, axis as i64)
    }

    fn narrow(&mut self, x: &Value, axis: i64, start: usize, count: usize) -> Result<Value> {
        Ok(operator::slice(self.graph, x, axis, start as i64, (start + count) as i64))
    }

    fn unsqueeze(&mut self, x: &Value, axis: usize) -> Result<Value> {
        Ok(operator::unsqueeze(self.graph, x, &[axis as i64]))
    }

    fn squeeze(&mut self, x: &Value, axis: usize) -> Result<Value> {
        Ok(operator::squeeze(self.graph, x, &[axis as i64]))
    }

    fn sum(&mut self, x: &Value, axis: i64, keep: bool) -> Result<Value> {
        Ok(operator::reduce_sum(self.graph, x, &[axis], keep))
    }

    fn mean(&mut self, x: &Value, axis: i64, keep: bool) -> Result<Value> {
        Ok(operator::reduce(self.graph, "ReduceMean", x, &[axis], keep))
    }

    fn rows(&mut self, x: &Value, _: usize) -> Result<Value> {
        Ok(x.clone())
    }

    fn unrows(&mut self, rows: &Value, _: &Value) -> Result<Value> {
        Ok(rows.clone())
    }

    fn mixtures(&mut self, matrix: &Tensor, values: &[Value]) -> Result<Vec<Value>> {
        let numbers = host(matrix)?;
        Ok(numbers.chunks_exact(values.len().max(1)).map(|row| mixture(self.graph, row, values)).collect())
    }

    fn mix_experts(
        &mut self,
        shares: &Value,
        experts: &[Value],
        _: &mut Option<Value>,
        Mixing { rank, axis, alike }: Mixing,
    ) -> Result<Value> {
        let beside = self.stack(experts, axis)?;
        let graph = &mut *self.graph;
        let (rank, axis) = (rank as i64, axis as i64);
        // Of one row for all, `[experts]`, the experts' dimension is counted from behind.
        let behind: Vec<i64> = if alike { (1..=rank - axis).collect() } else { (axis + 1..=rank).collect() };
        let shares = operator::unsqueeze(graph, shares, &behind);
        let parts = operator::mul(graph, &beside, &shares);
        Ok(operator::reduce_sum(graph, &parts, &[axis], false))
    }

    fn logit_of_product(&mut self, a: &Value, b: &Value) -> Result<Value> {
        let graph = &mut *self.graph;
        let (a, b) = (operator::neg(graph, a), operator::neg(graph, b));
        let both = operator::add(graph, &a, &b);
        let all = operator::concat(graph, &[&a, &b, &both], 1);
        let largest = operator::reduce(graph, "ReduceMax", &all, &[1], true);
        let apart = operator::sub(graph, &all, &largest);
        let exp = operator::exp(graph, &apart);
        let sum = operator::reduce_sum(graph, &exp, &[1], true);
        let log = operator::log(graph, &sum);
        let total = operator::add(graph, &log, &largest);
        Ok(operator::neg(graph, &total))
    }
}

/// The values, each times its number, summed; what does not count is left out.
fn mixture(graph: &mut Graph, numbers: &[f32], values: &[Value]) -> Value {
    let mut parts: Vec<Value> = Vec::new();
    for (number, value) in numbers.iter().zip(values).filter(|(number, _)| **number != 0.0) {
        parts.push(match *number {
            1.0 => value.clone(),
            number => operator::scale(graph, value, number),
        });
    }
    match parts.len() {
        0 => operator::scale(graph, &values[0], 0.0),
        1 => parts.remove(0),
        _ => operator::sum(graph, &parts.iter().collect::<Vec<_>>()),
    }
}
