//! Regression.

use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::head::output::Output;
use crate::model::head::target_unit::TargetUnit;
use crate::model::ops::Ops;
use crate::model::ops::dense::Dense;
use crate::model::weights::Weights;

/// Head for regression: one number per target column, trained in standardized units. The prediction in the
/// target's unit is logit x scale + center.
pub struct Regression {
    projection: Dense,
    unit: TargetUnit,
}

impl Regression {
    /// One output per target column over `width` features; weights are named below `name`.
    pub fn build(name: &str, width: usize, unit: TargetUnit, weights: &mut Weights) -> ModelResult<Self> {
        Ok(Self { projection: Dense::projection(name, width, unit.columns(), weights)?, unit })
    }
}

impl Output for Regression {
    fn logits<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<O::Value> {
        self.projection.on(ops, &x.x)
    }

    fn conditioning<O: Ops>(&self, _: &mut O, logits: &O::Value) -> ModelResult<O::Value> {
        Ok(logits.clone())
    }

    fn unit(&self) -> Option<&TargetUnit> {
        Some(&self.unit)
    }
}
