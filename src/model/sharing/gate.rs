//! Gates: for each row, or step of a row, what share of each expert's answer is read.

use candle_core::Tensor;

use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::global_pool::{GlobalPoolConfig, GlobalPooling};
use crate::model::layer::pool::{PoolConfig, PoolKind};
use crate::model::layer::{BuildLayer, Module};
use crate::model::ops::Ops;
use crate::model::sharing::selection::ExpertSelection;
use crate::model::weights::{Init, Parameter, Weights};

/// Gives every expert its share.
pub enum Gate {
    /// softmax(x W), without a bias; W `[width, experts]`.
    Softmax(Parameter),
    /// The same shares for every row.
    Selection(ExpertSelection),
}

impl Gate {
    pub fn softmax(name: &str, width: usize, experts: usize, weights: &mut Weights) -> ModelResult<Self> {
        let name = format!("{name}.weight");
        Ok(Self::Softmax(weights.parameter(&name, &[width, experts], Init::fan_in(width))?))
    }

    /// From the rows that an [`GateInput`] sees to `[rows, experts]`; of shares that are alike see
    /// [`Arithmetic::folded_rows`](crate::model::ops::Arithmetic::folded_rows).
    pub fn shares<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        match self {
            Self::Softmax(weight) => {
                let weight = ops.weight(weight)?;
                let logits = ops.matmul(x, &weight)?;
                ops.softmax(&logits)
            }
            Self::Selection(selection) => selection.shares(ops, x),
        }
    }

    /// Does every row get the same shares?
    pub fn is_alike(&self) -> bool {
        matches!(self, Self::Selection(_))
    }

    /// What it adds to the joint loss.
    pub fn penalty(&self) -> ModelResult<Option<Tensor>> {
        match self {
            Self::Softmax(_) => Ok(None),
            Self::Selection(selection) => selection.penalty(),
        }
    }
}

/// What a gate sees of what its experts read: a vector whole, of an image each channel's mean. Of a
/// sequence each step, if the experts give steps; otherwise the mean of its real steps.
pub struct GateInput {
    pool: Option<Box<dyn Module>>,
    /// Does each step have shares of its own?
    pub is_stepped: bool,
    pub width: usize,
}

impl GateInput {
    pub fn build(input: Shape, output: Shape, weights: &mut Weights) -> ModelResult<Self> {
        let mean: Option<Box<dyn BuildLayer>> = match (input, output) {
            (Shape::Sequence { .. }, Shape::Sequence { .. }) => None,
            (Shape::Sequence { .. }, _) => Some(Box::new(PoolConfig { kind: PoolKind::Mean, units: None })),
            (Shape::Image { .. }, _) => Some(Box::new(GlobalPoolConfig { method: GlobalPooling::Mean })),
            _ => None,
        };
        let is_stepped = mean.is_none() && matches!(input, Shape::Sequence { .. });
        let width = match input {
            Shape::Image { channels, .. } => channels,
            input => input.width(),
        };
        let pool = mean.map(|config| config.build("sharing.gate", input, weights)).transpose()?;
        Ok(Self { pool, is_stepped, width })
    }

    /// What is seen, as [rows](crate::model::ops::Arithmetic::rows); with shares of their own, each step is
    /// one.
    pub fn see<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<O::Value> {
        let seen = match &self.pool {
            Some(pool) => ops.module(pool.as_ref(), x)?.x,
            None => x.x.clone(),
        };
        ops.rows(&seen, self.width)
    }
}
