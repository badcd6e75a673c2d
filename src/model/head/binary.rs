//! One logit per label; its probability is 1 / (1 + exp(-logit)). For binary tasks with their one
//! label, and for multilabel ones.

use candle_core::Tensor;

use crate::model::error::Result;
use crate::model::head::Head;
use crate::model::kernel::activation::activation;
use crate::model::layer::activation::Activation;
use crate::model::layer::dense::Dense;
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::Weights;
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// Independent yes-or-no questions.
pub struct Binary {
    projection: Dense,
}

impl Binary {
    pub fn build(name: &str, width: usize, labels: usize, weights: &mut Weights) -> Result<Self> {
        Ok(Self { projection: Dense::projection(name, width, labels, weights)? })
    }
}

impl Head for Binary {
    fn logits(&self, x: &Signal, _: &Mode) -> Result<Tensor> {
        self.projection.apply(&x.x)
    }

    fn answers(&self, logits: &Tensor) -> Result<Tensor> {
        Ok(activation(Activation::Sigmoid, logits)?)
    }

    fn emit_logits(&self, graph: &mut Graph, x: &Wire) -> Result<Value> {
        self.projection.nodes(graph, &x.x)
    }

    fn emit_answers(&self, graph: &mut Graph, logits: &Value) -> Result<Value> {
        Ok(operator::sigmoid(graph, logits))
    }
}
