//! The layer `layer_norm`: see [`LayerNormSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Positive;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::layer::{Layer, LayerWords, Module};
use crate::model::ops::Ops;
use crate::model::signal::Signal;
use crate::model::weights::{Init, Parameter, Weights};

/// Layer normalization over the last dimension (Ba, Kiros & Hinton 2016):
/// gamma (x - mean) / sqrt(variance + epsilon) + beta, with each row's own mean and variance.
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

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> Result<Box<dyn Module>> {
        Ok(Box::new(LayerNorm::build(name, input.width(), self.epsilon.get(), weights)?))
    }
}

/// Normalizes each row.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    gamma: Parameter,
    beta: Parameter,
    epsilon: f64,
}

impl LayerNorm {
    pub fn build(name: &str, width: usize, epsilon: f64, weights: &mut Weights) -> Result<Self> {
        Ok(Self {
            gamma: weights.parameter(&format!("{name}.weight"), &[width], Init::Ones)?,
            beta: weights.parameter(&format!("{name}.bias"), &[width], Init::Zeros)?,
            epsilon,
        })
    }

    /// `[..., width]` to the same.
    pub fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> Result<O::Value> {
        ops.layer_norm(x, &self.gamma, &self.beta, self.epsilon)
    }
}

impl Layer for LayerNorm {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<Signal<O::Value>> {
        Ok(x.with(self.on(ops, &x.x)?))
    }
}
