//! A number at every pixel, learned in standardized units; the answer is logit x scale + center, in the
//! target's unit. `[rows, height, width, 1]`

use crate::model::error::Result;
use crate::model::head::output::Output;
use crate::model::head::segmentation::Pixels;
use crate::model::head::unit::Unit;
use crate::model::ops::Ops;
use crate::model::signal::Signal;

/// One number at every pixel.
pub struct PixelRegression {
    pixels: Pixels,
    unit: Unit,
}

impl PixelRegression {
    pub fn new(pixels: Pixels, unit: Unit) -> Self {
        Self { pixels, unit }
    }
}

impl Output for PixelRegression {
    fn logits<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<O::Value> {
        self.pixels.on(ops, &x.x)
    }

    fn evidence<O: Ops>(&self, _: &mut O, logits: &O::Value) -> Result<O::Value> {
        Ok(logits.clone())
    }

    fn unit(&self) -> Option<&Unit> {
        Some(&self.unit)
    }
}
