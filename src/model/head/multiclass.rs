//! One logit per class; their probabilities are exp(logit) over the sum of all (softmax).

use candle_core::{D, Tensor};

use crate::model::error::Result;
use crate::model::head::Head;
use crate::model::head::projected::cross_entropy;
use crate::model::labels::Labels;
use crate::model::layer::dense::Dense;
use crate::model::loss::LossSpec;
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::Weights;
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// One of several classes.
pub struct Multiclass {
    projection: Dense,
}

impl Multiclass {
    pub fn build(name: &str, width: usize, classes: usize, weights: &mut Weights) -> Result<Self> {
        Ok(Self { projection: Dense::projection(name, width, classes, weights)? })
    }
}

impl Head for Multiclass {
    fn logits(&self, x: &Signal, _: &Mode) -> Result<Tensor> {
        self.projection.apply(&x.x)
    }

    fn loss(&self, x: &Signal, labels: &Labels, loss: &LossSpec, _: &Mode) -> Result<Option<Tensor>> {
        cross_entropy(&self.projection, x, labels, loss)
    }

    fn answers(&self, logits: &Tensor) -> Result<Tensor> {
        softmax(logits)
    }

    fn emit_logits(&self, graph: &mut Graph, x: &Wire) -> Result<Value> {
        self.projection.nodes(graph, &x.x)
    }

    fn emit_answers(&self, graph: &mut Graph, logits: &Value) -> Result<Value> {
        Ok(operator::softmax(graph, logits, -1))
    }
}

/// exp(x) over its sum in the last dimension. Composed: candle's own drops gradients.
pub fn softmax(x: &Tensor) -> Result<Tensor> {
    // A constant taken from every logit changes no probability, so it needs no gradient.
    let largest = x.detach().max_keepdim(D::Minus1)?;
    let exp = x.broadcast_sub(&largest)?.exp()?;
    Ok(exp.broadcast_div(&exp.sum_keepdim(D::Minus1)?)?)
}
