//! A number at every pixel, learned in standardized units; the answer is logit x scale + center, in the
//! target's unit. `[rows, height, width, 1]`

use candle_core::Tensor;

use crate::model::error::Result;
use crate::model::head::Head;
use crate::model::head::segmentation::Pixels;
use crate::model::head::unit::Unit;
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::onnx::graph::{Graph, Value};

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

impl Head for PixelRegression {
    fn logits(&self, x: &Signal, _: &Mode) -> Result<Tensor> {
        self.pixels.apply(&x.x)
    }

    fn answers(&self, logits: &Tensor) -> Result<Tensor> {
        Ok(logits.clone())
    }

    fn emit_logits(&self, graph: &mut Graph, x: &Wire) -> Result<Value> {
        self.pixels.nodes(graph, &x.x)
    }

    fn emit_answers(&self, graph: &mut Graph, logits: &Value) -> Result<Value> {
        Ok(self.unit.emit_answers(graph, logits))
    }

    fn emit_evidence(&self, _: &mut Graph, logits: &Value) -> Result<Value> {
        Ok(logits.clone())
    }
}
