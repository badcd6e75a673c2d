//! One logit per label; its probability is 1 / (1 + exp(-logit)). For binary tasks with their one
//! label, and for multilabel ones.

use crate::model::activation::Activation;
use crate::model::error::Result;
use crate::model::head::output::Output;
use crate::model::ops::Ops;
use crate::model::ops::dense::Dense;
use crate::model::signal::Signal;
use crate::model::weights::Weights;

/// Independent yes-or-no questions.
pub struct Binary {
    projection: Dense,
}

impl Binary {
    pub fn build(name: &str, width: usize, labels: usize, weights: &mut Weights) -> Result<Self> {
        Ok(Self { projection: Dense::projection(name, width, labels, weights)? })
    }
}

impl Output for Binary {
    fn logits<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<O::Value> {
        self.projection.on(ops, &x.x)
    }

    fn evidence<O: Ops>(&self, ops: &mut O, logits: &O::Value) -> Result<O::Value> {
        ops.activation(Activation::Sigmoid, logits)
    }
}
