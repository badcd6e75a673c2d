//! What a stream goes on with: the shares in which it mixes experts.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use crate::model::error::Result;
use crate::model::ops::Ops;
use crate::model::sharing::gate::{Eye, Gate};
use crate::model::signal::Signal;
use crate::model::weights::Parameter;

/// A stream's gate, and what it mixes.
pub struct Mixer {
    pub name: String,
    /// Who goes on with it, for people.
    pub reader: String,
    pub gate: Arc<Gate>,
    /// The experts it mixes.
    pub over: Vec<usize>,
    pub residual: Option<Residual>,
}

/// A linear mixture of a task's own experts.
pub struct Residual {
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
    pub fn shares<O: Ops>(&self, ops: &mut O, eye: &Eye, x: &Signal<O::Value>) -> Result<O::Value> {
        let seen = eye.see(ops, x)?;
        let shares = self.gate.shares(ops, &seen)?;
        let Some(residual) = &self.residual else { return Ok(shares) };
        let own = ops.folded(&residual.name, &residual.among(self.over.len())?)?;
        ops.add(&shares, &own)
    }

    /// Does it depend on the weight of this name?
    pub fn uses(&self, weight: &str) -> bool {
        let gate = weight.strip_prefix(self.name.as_str()).is_some_and(|rest| rest.starts_with('.'));
        gate || self.residual.as_ref().is_some_and(|residual| residual.name == weight)
    }
}

impl Residual {
    /// The weights among `all` experts that are mixed, zeros elsewhere.
    fn among(&self, all: usize) -> Result<Tensor> {
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
