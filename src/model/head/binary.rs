//! Binary and multilabel classification.

use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::head::output::Output;
use crate::model::ops::Ops;
use crate::model::ops::dense::Dense;
use crate::model::weights::Weights;

/// Head for binary and multilabel tasks: one logit per label, probabilities by the sigmoid.
pub struct Binary {
    projection: Dense,
}

impl Binary {
    /// One logit per label over `width` features; weights are named below `name`.
    pub fn build(name: &str, width: usize, labels: usize, weights: &mut Weights) -> ModelResult<Self> {
        Ok(Self { projection: Dense::projection(name, width, labels, weights)? })
    }
}

impl Output for Binary {
    fn logits<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<O::Value> {
        self.projection.on(ops, &x.x)
    }

    fn conditioning<O: Ops>(&self, ops: &mut O, logits: &O::Value) -> ModelResult<O::Value> {
        ops.activation(Activation::Sigmoid, logits)
    }
}
