//! Numbers, learned in standardized units; the answer is logit x scale + center, in the target's unit.

use crate::model::error::Result;
use crate::model::head::output::Output;
use crate::model::head::unit::Unit;
use crate::model::ops::Ops;
use crate::model::ops::dense::Dense;
use crate::model::signal::Signal;
use crate::model::weights::Weights;

/// One number per column.
pub struct Regression {
    projection: Dense,
    unit: Unit,
}

impl Regression {
    pub fn build(name: &str, width: usize, unit: Unit, weights: &mut Weights) -> Result<Self> {
        Ok(Self { projection: Dense::projection(name, width, unit.columns(), weights)?, unit })
    }
}

impl Output for Regression {
    fn logits<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<O::Value> {
        self.projection.on(ops, &x.x)
    }

    fn evidence<O: Ops>(&self, _: &mut O, logits: &O::Value) -> Result<O::Value> {
        Ok(logits.clone())
    }

    fn unit(&self) -> Option<&Unit> {
        Some(&self.unit)
    }
}
