//! Multiclass classification.

use candle_core::Tensor;

use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::head::output::Output;
use crate::model::head::projected::cross_entropy;
use crate::model::labels::Labels;
use crate::model::loss::LossConfig;
use crate::model::mode::Mode;
use crate::model::ops::Ops;
use crate::model::ops::dense::Dense;
use crate::model::weights::Weights;

/// Head for one of several classes: one logit per class, probabilities by softmax.
pub struct Multiclass {
    projection: Dense,
}

impl Multiclass {
    /// One logit per class over `width` features; weights are named below `name`.
    pub fn build(name: &str, width: usize, classes: usize, weights: &mut Weights) -> ModelResult<Self> {
        Ok(Self { projection: Dense::projection(name, width, classes, weights)? })
    }
}

impl Output for Multiclass {
    fn logits<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<O::Value> {
        self.projection.on(ops, &x.x)
    }

    fn conditioning<O: Ops>(&self, ops: &mut O, logits: &O::Value) -> ModelResult<O::Value> {
        ops.softmax(logits)
    }

    fn loss(
        &self,
        x: &Activations,
        labels: &Labels,
        loss: &LossConfig,
        _: &Mode,
    ) -> ModelResult<Option<Tensor>> {
        cross_entropy(&self.projection, x, labels, loss)
    }
}
