//! Layer normalization over the last dimension (Ba, Kiros & Hinton 2016):
//! gamma (x - mean) / sqrt(variance + epsilon) + beta, with each row's own mean and variance.

use candle_core::{D, Tensor, Var};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Positive;
use crate::domain::shape::Shape;
use crate::model::emission::constant;
use crate::model::error::Result;
use crate::model::kernel::fits;
use crate::model::kernel::normalize::{Along, normalize, statistics};
use crate::model::layer::{Layer, LayerWords};
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::{Init, Weights};
use crate::onnx::graph::Graph;
use crate::onnx::operator;

/// Layer normalization over the last dimension (Ba, Kiros & Hinton 2016).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerNormSpec {
    /// Added to the variance. Default 1e-5.
    #[serde(default = "small")]
    pub epsilon: Positive,
}

impl Settings for LayerNormSpec {
    const EXAMPLE: &'static str = "{layer_norm: {epsilon: 1.0e-5}}";
}

fn small() -> Positive {
    Positive::constant(1e-5)
}

impl LayerWords for LayerNormSpec {
    fn shape(&self, input: Shape) -> Result<Shape, String> {
        match input {
            Shape::Image { .. } | Shape::Tokens { .. } => {
                Err(format!("needs a vector or a sequence, not {input}"))
            }
            input => Ok(input),
        }
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> Result<Box<dyn Layer>> {
        let shape = [input.width()];
        Ok(Box::new(LayerNorm {
            name: name.to_owned(),
            gamma: weights.variable(&format!("{name}.weight"), &shape, Init::Ones)?,
            beta: weights.variable(&format!("{name}.bias"), &shape, Init::Zeros)?,
            epsilon: self.epsilon.get(),
        }))
    }
}

/// Normalizes each row.
struct LayerNorm {
    name: String,
    gamma: Var,
    beta: Var,
    epsilon: f64,
}

impl Layer for LayerNorm {
    fn forward(&self, x: &Signal, _: &Mode) -> Result<Signal> {
        Ok(x.with(self.apply(&x.x)?))
    }

    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Wire> {
        let gamma = constant(graph, &format!("{}.weight", self.name), &self.gamma)?;
        let beta = constant(graph, &format!("{}.bias", self.name), &self.beta)?;
        Ok(x.with(operator::layer_normalization(graph, &x.x, &gamma, &beta, self.epsilon as f32)))
    }
}

impl LayerNorm {
    fn apply(&self, x: &Tensor) -> Result<Tensor> {
        if fits(&[x]) {
            let flat = x.reshape(((), x.dim(D::Minus1)?))?;
            let statistics = statistics(&flat, Along::Rows)?;
            let y = normalize(&flat, &self.gamma, &self.beta, Along::Rows, &statistics, self.epsilon)?;
            return Ok(y.reshape(x.shape())?);
        }
        // Composed: candle's own `layer_norm` drops every gradient before it.
        let centered = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let deviation = (centered.sqr()?.mean_keepdim(D::Minus1)? + self.epsilon)?.sqrt()?;
        Ok(centered.broadcast_div(&deviation)?.broadcast_mul(&self.gamma)?.broadcast_add(&self.beta)?)
    }
}
