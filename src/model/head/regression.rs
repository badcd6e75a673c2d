//! Numbers, learned in standardized units; the answer is logit x scale + center, in the target's unit.

use candle_core::Tensor;

use crate::model::emission::constant;
use crate::model::error::Result;
use crate::model::head::Head;
use crate::model::layer::dense::Dense;
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::Weights;
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// One number per column.
pub struct Regression {
    projection: Dense,
    /// `[columns]`
    center: Tensor,
    /// `[columns]`
    scale: Tensor,
}

impl Regression {
    pub fn build(
        name: &str,
        width: usize,
        center: &[f32],
        scale: &[f32],
        weights: &mut Weights,
    ) -> Result<Self> {
        Ok(Self {
            projection: Dense::projection(name, width, center.len(), weights)?,
            center: Tensor::new(center, weights.device())?,
            scale: Tensor::new(scale, weights.device())?,
        })
    }
}

impl Head for Regression {
    fn logits(&self, x: &Signal, _: &Mode) -> Result<Tensor> {
        self.projection.apply(&x.x)
    }

    fn answers(&self, logits: &Tensor) -> Result<Tensor> {
        Ok(logits.broadcast_mul(&self.scale)?.broadcast_add(&self.center)?)
    }

    fn evidence(&self, logits: &Tensor) -> Result<Tensor> {
        Ok(logits.clone())
    }

    fn emit_logits(&self, graph: &mut Graph, x: &Wire) -> Result<Value> {
        self.projection.nodes(graph, &x.x)
    }

    fn emit_answers(&self, graph: &mut Graph, logits: &Value) -> Result<Value> {
        let scale = constant(graph, "scale", &self.scale)?;
        let center = constant(graph, "center", &self.center)?;
        let scaled = operator::mul(graph, logits, &scale);
        Ok(operator::add(graph, &scaled, &center))
    }

    fn emit_evidence(&self, _: &mut Graph, logits: &Value) -> Result<Value> {
        Ok(logits.clone())
    }
}
