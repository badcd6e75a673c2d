//! Gates of mixtures of experts: the share of each expert, per row or per time step.

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

/// Computes the shares of the experts.
pub enum Gate {
    /// softmax(x W), without a bias; W `[width, experts]`.
    Softmax(Parameter),
    /// DSelect-k: the same shares for every row.
    Selection(ExpertSelection),
}

impl Gate {
    /// A softmax gate over `experts` experts.
    pub fn softmax(name: &str, width: usize, experts: usize, weights: &mut Weights) -> ModelResult<Self> {
        let name = format!("{name}.weight");
        Ok(Self::Softmax(weights.parameter(&name, &[width, experts], Init::fan_in(width))?))
    }

    /// The shares `[rows, experts]` for the rows of a [`GateInput`]; for static gates see
    /// [`Arithmetic::expand_rows`](crate::model::ops::Arithmetic::expand_rows).
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

    /// Are the shares the same for every row?
    pub fn is_static(&self) -> bool {
        matches!(self, Self::Selection(_))
    }

    /// Its term of the joint loss.
    pub fn penalty(&self) -> ModelResult<Option<Tensor>> {
        match self {
            Self::Softmax(_) => Ok(None),
            Self::Selection(selection) => selection.penalty(),
        }
    }
}

/// The input of a gate: a vector, or the channel means of an image. For a sequence, each time step if the
/// experts output sequences; otherwise the mean over valid time steps.
pub struct GateInput {
    pool: Option<Box<dyn Module>>,
    /// Does each time step have its own shares?
    pub is_per_step: bool,
    /// Number of features.
    pub width: usize,
}

impl GateInput {
    /// The gate input for experts from `input` to `output`.
    pub fn build(input: Shape, output: Shape, weights: &mut Weights) -> ModelResult<Self> {
        let pool: Option<Box<dyn BuildLayer>> = match (input, output) {
            (Shape::Sequence { .. }, Shape::Sequence { .. }) => None,
            (Shape::Sequence { .. }, _) => Some(Box::new(PoolConfig { kind: PoolKind::Mean, units: None })),
            (Shape::Image { .. }, _) => Some(Box::new(GlobalPoolConfig { method: GlobalPooling::Mean })),
            _ => None,
        };
        let is_per_step = pool.is_none() && matches!(input, Shape::Sequence { .. });
        let width = match input {
            Shape::Image { channels, .. } => channels,
            input => input.width(),
        };
        let pool = pool.map(|config| config.build("sharing.gate", input, weights)).transpose()?;
        Ok(Self { pool, is_per_step, width })
    }

    /// The gate input as [rows](crate::model::ops::Arithmetic::rows); one row per time step if shares are
    /// per step.
    pub fn compute<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<O::Value> {
        let pooled = match &self.pool {
            Some(pool) => ops.module(pool.as_ref(), x)?.x,
            None => x.x.clone(),
        };
        ops.rows(&pooled, self.width)
    }
}
