//! One logit per class; their probabilities are exp(logit) over the sum of all (softmax).

use candle_core::Tensor;

use crate::model::error::Result;
use crate::model::head::output::Output;
use crate::model::head::projected::cross_entropy;
use crate::model::labels::Labels;
use crate::model::loss::LossSpec;
use crate::model::mode::Mode;
use crate::model::ops::Ops;
use crate::model::ops::dense::Dense;
use crate::model::signal::Signal;
use crate::model::weights::Weights;

/// One of several classes.
pub struct Multiclass {
    projection: Dense,
}

impl Multiclass {
    pub fn build(name: &str, width: usize, classes: usize, weights: &mut Weights) -> Result<Self> {
        Ok(Self { projection: Dense::projection(name, width, classes, weights)? })
    }
}

impl Output for Multiclass {
    fn logits<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<O::Value> {
        self.projection.on(ops, &x.x)
    }

    fn evidence<O: Ops>(&self, ops: &mut O, logits: &O::Value) -> Result<O::Value> {
        ops.softmax(logits)
    }

    fn loss(&self, x: &Signal, labels: &Labels, loss: &LossSpec, _: &Mode) -> Result<Option<Tensor>> {
        cross_entropy(&self.projection, x, labels, loss)
    }
}
