//! Layer normalization over the last dimension (Ba, Kiros & Hinton 2016):
//! gamma (x - mean) / sqrt(variance + epsilon) + beta, with each row's own mean and variance.

use candle_core::{Tensor, Var};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Positive;
use crate::domain::shape::Shape;
use crate::model::emission::constant;
use crate::model::error::Result;
use crate::model::kernel::layer_norm::layer_norm;
use crate::model::layer::{Layer, LayerWords};
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::{Init, Weights};
use crate::onnx::graph::{Graph, Value};
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
        Ok(Box::new(LayerNorm::build(name, input.width(), self.epsilon.get(), weights)?))
    }
}

/// Normalizes each row.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    name: String,
    gamma: Var,
    beta: Var,
    epsilon: f64,
}

impl LayerNorm {
    pub fn build(name: &str, width: usize, epsilon: f64, weights: &mut Weights) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            gamma: weights.variable(&format!("{name}.weight"), &[width], Init::Ones)?,
            beta: weights.variable(&format!("{name}.bias"), &[width], Init::Zeros)?,
            epsilon,
        })
    }

    /// `[..., width]` to the same.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        Ok(layer_norm(x, &self.gamma, &self.beta, self.epsilon)?)
    }

    /// `apply` as nodes of an ONNX graph.
    pub fn nodes(&self, graph: &mut Graph, x: &Value) -> Result<Value> {
        let gamma = constant(graph, &format!("{}.weight", self.name), &self.gamma)?;
        let beta = constant(graph, &format!("{}.bias", self.name), &self.beta)?;
        Ok(operator::layer_normalization(graph, x, &gamma, &beta, self.epsilon as f32))
    }
}

impl Layer for LayerNorm {
    fn forward(&self, x: &Signal, _: &Mode) -> Result<Signal> {
        Ok(x.with(self.apply(&x.x)?))
    }

    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Wire> {
        Ok(x.with(self.nodes(graph, &x.x)?))
    }
}
