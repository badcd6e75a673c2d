//! The mixture of experts that a stream reads.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::ops::Ops;
use crate::model::sharing::gate::{Gate, GateInput};
use crate::model::weights::Parameter;

/// A stream's gate and the experts it mixes.
pub struct Mixer {
    pub name: String,
    /// The reader in reports: the task, or `shared`.
    pub reader: String,
    pub gate: Arc<Gate>,
    /// The indices of the experts it mixes.
    pub experts: Vec<usize>,
    pub residual: Option<ResidualMixture>,
}

/// A linear mixture of a task's own experts that is added to the gate's.
pub struct ResidualMixture {
    pub name: String,
    /// One weight per own expert; `None` for a single one, whose weight is 1.
    pub weights: Option<Parameter>,
    /// The first of the own experts among all mixed experts.
    pub first: usize,
    /// Number of own experts.
    pub count: usize,
    pub device: Device,
}

impl Mixer {
    /// Each expert's share `[rows, experts]` for input x.
    pub fn shares<O: Ops>(
        &self,
        ops: &mut O,
        gate_input: &GateInput,
        x: &Activations<O::Value>,
    ) -> ModelResult<O::Value> {
        let input = gate_input.compute(ops, x)?;
        let shares = self.gate.shares(ops, &input)?;
        let Some(residual) = &self.residual else { return Ok(shares) };
        let own = ops.constant_from_weights(&residual.name, &residual.padded(self.experts.len())?)?;
        ops.add(&shares, &own)
    }

    /// Does it depend on the weight of this name?
    pub fn uses(&self, weight: &str) -> bool {
        let gate = weight.strip_prefix(self.name.as_str()).is_some_and(|rest| rest.starts_with('.'));
        gate || self.residual.as_ref().is_some_and(|residual| residual.name == weight)
    }
}

impl ResidualMixture {
    /// The weights padded with zeros to `all` experts.
    fn padded(&self, all: usize) -> ModelResult<Tensor> {
        let zeros = |count: usize| Tensor::zeros(count, DType::F32, &self.device);
        let own = match &self.weights {
            Some(weights) => weights.tensor(),
            None => Tensor::ones(self.count, DType::F32, &self.device)?,
        };
        let after = all - self.first - self.count;
        let parts = [(self.first, zeros(self.first)?), (self.count, own), (after, zeros(after)?)];
        let parts: Vec<Tensor> =
            parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, part)| part).collect();
        Ok(Tensor::cat(&parts, 0)?)
    }
}
