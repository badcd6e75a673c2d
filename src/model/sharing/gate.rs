//! Gates: for each row, or step of a row, what share of each expert's answer is read.

use candle_core::{Tensor, Var};

use crate::domain::shape::Shape;
use crate::model::emission::constant;
use crate::model::error::Result;
use crate::model::head::multiclass::softmax;
use crate::model::layer::global_pool::{GlobalPoolSpec, GlobalPooling};
use crate::model::layer::pool::{PoolKind, PoolSpec};
use crate::model::layer::{LayerWords, Module};
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::{Init, Weights};
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// Gives every expert its share.
pub trait Gate: Send + Sync {
    /// From what it reads, `[rows, width]`, to `[rows, experts]`.
    fn shares(&self, x: &Tensor) -> Result<Tensor>;

    /// Does every row get the same shares? In a graph they are `[experts]` then.
    fn is_alike(&self) -> bool {
        false
    }

    /// The same in an ONNX graph, whatever stands before the last dimension.
    fn emit(&self, graph: &mut Graph, x: &Value) -> Result<Value>;

    /// What it adds to the joint loss.
    fn penalty(&self) -> Result<Option<Tensor>> {
        Ok(None)
    }
}

/// softmax(x W), without a bias.
pub struct SoftmaxGate {
    name: String,
    /// `[width, experts]`
    weight: Var,
}

impl SoftmaxGate {
    pub fn build(name: &str, width: usize, experts: usize, weights: &mut Weights) -> Result<Self> {
        let name = format!("{name}.weight");
        let weight = weights.variable(&name, &[width, experts], Init::fan_in(width))?;
        Ok(Self { name, weight })
    }
}

impl Gate for SoftmaxGate {
    fn shares(&self, x: &Tensor) -> Result<Tensor> {
        softmax(&x.matmul(&self.weight)?)
    }

    fn emit(&self, graph: &mut Graph, x: &Value) -> Result<Value> {
        let weight = constant(graph, &self.name, &self.weight)?;
        let logits = operator::matmul(graph, x, &weight);
        Ok(operator::softmax(graph, &logits, -1))
    }
}

/// What a gate sees of what its experts read: a vector whole, of an image each channel's mean. Of a
/// sequence each step, if the experts give steps; otherwise the mean of its real steps.
pub struct Eye {
    pool: Option<Box<dyn Module>>,
    /// Does each step have shares of its own?
    pub is_stepped: bool,
    pub width: usize,
}

impl Eye {
    pub fn build(input: Shape, output: Shape, weights: &mut Weights) -> Result<Self> {
        let mean: Option<Box<dyn LayerWords>> = match (input, output) {
            (Shape::Sequence { .. }, Shape::Sequence { .. }) => None,
            (Shape::Sequence { .. }, _) => Some(Box::new(PoolSpec { kind: PoolKind::Mean, units: None })),
            (Shape::Image { .. }, _) => Some(Box::new(GlobalPoolSpec { method: GlobalPooling::Mean })),
            _ => None,
        };
        let is_stepped = mean.is_none() && matches!(input, Shape::Sequence { .. });
        let width = match input {
            Shape::Image { channels, .. } => channels,
            input => input.width(),
        };
        let pool = mean.map(|words| words.build("sharing.gate", input, weights)).transpose()?;
        Ok(Self { pool, is_stepped, width })
    }

    /// `[rows, width]`; with shares of their own, each step is a row.
    pub fn forward(&self, x: &Signal, mode: &Mode) -> Result<Tensor> {
        let seen = match &self.pool {
            Some(pool) => pool.forward(x, mode)?.x,
            None => x.x.clone(),
        };
        Ok(seen.reshape(((), self.width))?)
    }

    /// The same, the steps still in a dimension of their own.
    pub fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Value> {
        match &self.pool {
            Some(pool) => Ok(pool.emit(graph, x)?.x),
            None => Ok(x.x.clone()),
        }
    }
}
