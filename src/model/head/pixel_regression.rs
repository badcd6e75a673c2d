//! Regression of every pixel.

use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::head::output::Output;
use crate::model::head::segmentation::PixelProjection;
use crate::model::head::target_unit::TargetUnit;
use crate::model::ops::Ops;

/// Head for regression of every pixel, trained in standardized units: `[batch, height, width, 1]`. The
/// prediction in the target's unit is logit x scale + center.
pub struct PixelRegression {
    pixels: PixelProjection,
    unit: TargetUnit,
}

impl PixelRegression {
    /// One number per pixel, in the target's unit.
    pub fn new(pixels: PixelProjection, unit: TargetUnit) -> Self {
        Self { pixels, unit }
    }
}

impl Output for PixelRegression {
    fn logits<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<O::Value> {
        self.pixels.on(ops, &x.x)
    }

    fn conditioning<O: Ops>(&self, _: &mut O, logits: &O::Value) -> ModelResult<O::Value> {
        Ok(logits.clone())
    }

    fn unit(&self) -> Option<&TargetUnit> {
        Some(&self.unit)
    }
}
