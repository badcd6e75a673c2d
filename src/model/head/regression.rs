//! Numbers, learned in standardized units; the answer is logit x scale + center, in the target's unit.

use candle_core::Tensor;

use crate::model::error::Result;
use crate::model::head::Head;
use crate::model::head::unit::Unit;
use crate::model::layer::dense::Dense;
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::Weights;
use crate::onnx::graph::{Graph, Value};

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

impl Head for Regression {
    fn logits(&self, x: &Signal, _: &Mode) -> Result<Tensor> {
        self.projection.apply(&x.x)
    }

    fn answers(&self, logits: &Tensor) -> Result<Tensor> {
        Ok(logits.clone())
    }

    fn emit_logits(&self, graph: &mut Graph, x: &Wire) -> Result<Value> {
        self.projection.nodes(graph, &x.x)
    }

    fn emit_answers(&self, graph: &mut Graph, logits: &Value) -> Result<Value> {
        Ok(self.unit.emit_answers(graph, logits))
    }

    fn emit_evidence(&self, _: &mut Graph, logits: &Value) -> Result<Value> {
        Ok(logits.clone())
    }
}
