//! The layer `layer_norm`: see [`LayerNormConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Positive;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::{BuildLayer, Layer, Module};
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// Layer normalization over the last dimension (Ba, Kiros & Hinton 2016):
/// gamma (x - mean) / sqrt(variance + epsilon) + beta, with the mean and variance of each vector or step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerNormConfig {
    /// Added to the variance. Default 1e-5.
    #[serde(default = "default_epsilon")]
    pub epsilon: Positive,
}

impl Settings for LayerNormConfig {
    const EXAMPLE: &'static str = "{layer_norm: {epsilon: 1.0e-5}}";
}

fn default_epsilon() -> Positive {
    Positive::constant(1e-5)
}

impl BuildLayer for LayerNormConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        match input {
            Shape::Image { .. } | Shape::Tokens { .. } => {
                Err(format!("needs a vector or a sequence, not {input}"))
            }
            input => Ok(input),
        }
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        Ok(Box::new(LayerNorm::build(name, input.width(), self.epsilon.get(), weights)?))
    }
}

/// A built layer norm.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    gamma: Parameter,
    beta: Parameter,
    epsilon: f64,
}

impl LayerNorm {
    /// Gain 1 and bias 0 of `width` features, named below `name`.
    pub fn build(name: &str, width: usize, epsilon: f64, weights: &mut Weights) -> ModelResult<Self> {
        Ok(Self {
            gamma: weights.parameter(&format!("{name}.weight"), &[width], Init::Ones)?,
            beta: weights.parameter(&format!("{name}.bias"), &[width], Init::Zeros)?,
            epsilon,
        })
    }

    /// Normalizes `x`, `[..., width]`.
    pub fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        ops.layer_norm(x, &self.gamma, &self.beta, self.epsilon)
    }
}

impl Layer for LayerNorm {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(x.with(self.on(ops, &x.x)?))
    }
}
