//! The layer `rms_norm`: see [`RmsNormConfig`].

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

/// Root mean square normalization over the last dimension (Zhang & Sennrich 2019):
/// gamma x / sqrt(mean(x^2) + epsilon), with the mean of each vector or step. Unlike `layer_norm` it
/// subtracts no mean and has no bias.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RmsNormConfig {
    /// Added to the mean square. Default 1e-6.
    #[serde(default = "default_epsilon")]
    pub epsilon: Positive,
}

impl Settings for RmsNormConfig {
    const EXAMPLE: &'static str = "{rms_norm: {epsilon: 1.0e-6}}";
}

fn default_epsilon() -> Positive {
    Positive::constant(1e-6)
}

impl BuildLayer for RmsNormConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        match input {
            Shape::Image { .. } | Shape::Tokens { .. } => {
                Err(format!("needs a vector or a sequence, not {input}"))
            }
            input => Ok(input),
        }
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        Ok(Box::new(RmsNorm::build(name, input.width(), self.epsilon.get(), weights)?))
    }
}

/// A built root mean square norm.
#[derive(Clone, Debug)]
pub struct RmsNorm {
    /// `[width]`
    gamma: Parameter,
    epsilon: f64,
}

impl RmsNorm {
    /// Gain 1 of `width` features, named below `name`.
    ///
    /// # Errors
    /// Those of [`Weights::parameter`].
    pub fn build(name: &str, width: usize, epsilon: f64, weights: &mut Weights) -> ModelResult<Self> {
        let gamma = weights.parameter(&format!("{name}.weight"), &[width], Init::Ones)?;
        Ok(Self { gamma, epsilon })
    }

    /// Normalizes `x`, `[..., width]`.
    ///
    /// # Errors
    /// Those of the operation.
    pub fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        ops.rms_norm(x, &self.gamma, self.epsilon)
    }
}

impl Layer for RmsNorm {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(x.with(self.on(ops, &x.x)?))
    }
}
