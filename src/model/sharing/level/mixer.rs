//! What a stream goes on with: the shares in which it mixes experts.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::ops::Ops;
use crate::model::sharing::gate::{Gate, GateInput};
use crate::model::weights::Parameter;

/// A stream's gate, and what it mixes.
pub struct Mixer {
    pub name: String,
    /// Who goes on with it, for people.
    pub reader: String,
    pub gate: Arc<Gate>,
    /// The experts it mixes.
    pub over: Vec<usize>,
    pub residual: Option<ResidualMixture>,
}

/// A linear mixture of a task's own experts.
pub struct ResidualMixture {
    pub name: String,
    /// One weight each; of a single expert there is none to learn: 1.
    pub weights: Option<Parameter>,
    /// Where they stand among what is mixed: from here, so many.
    pub first: usize,
    pub count: usize,
    pub device: Device,
}

impl Mixer {
    /// Of what its eye sees of x, each expert's share: `[rows, experts]`.
    pub fn shares<O: Ops>(
        &self,
        ops: &mut O,
        gate_input: &GateInput,
        x: &Activations<O::Value>,
    ) -> ModelResult<O::Value> {
        let seen = gate_input.see(ops, x)?;
        let shares = self.gate.shares(ops, &seen)?;
        let Some(residual) = &self.residual else { return Ok(shares) };
        let own = ops.constant_from_weights(&residual.name, &residual.among(self.over.len())?)?;
        ops.add(&shares, &own)
    }

    /// Does it depend on the weight of this name?
    pub fn uses(&self, weight: &str) -> bool {
        let gate = weight.strip_prefix(self.name.as_str()).is_some_and(|rest| rest.starts_with('.'));
        gate || self.residual.as_ref().is_some_and(|residual| residual.name == weight)
    }
}

impl ResidualMixture {
    /// The weights among `all` experts that are mixed, zeros elsewhere.
    fn among(&self, all: usize) -> ModelResult<Tensor> {
        let zeros = |count: usize| Tensor::zeros(count, DType::F32, &self.device);
        let own = match &self.weights {
            Some(weights) => weights.tensor(),
            None => Tensor::ones(self.count, DType::F32, &self.device)?,
        };
        let behind = all - self.first - self.count;
        let parts = [(self.first, zeros(self.first)?), (self.count, own), (behind, zeros(behind)?)];
        let parts: Vec<Tensor> =
            parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, part)| part).collect();
        Ok(Tensor::cat(&parts, 0)?)
    }
}
