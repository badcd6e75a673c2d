//! The layer `activation`: see [`ActivationConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::shape::Shape;
pub use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::{BuildLayer, Layer, Module, numbers};
use crate::model::ops::Ops;
use crate::model::weights::Weights;

/// An element-wise activation function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivationConfig {
    /// relu, relu6, leaky_relu, elu, gelu, gelu_tanh, quick_gelu, silu, hard_swish, mish, tanh, sigmoid,
    /// hard_sigmoid, softplus or identity.
    pub function: Activation,
}

impl Settings for ActivationConfig {
    const BARE: Option<&'static str> = Some("function");
    const EXAMPLE: &'static str = "{activation: gelu}";
}

impl BuildLayer for ActivationConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        numbers(input)
    }

    fn build(&self, _: &str, _: Shape, _: &mut Weights) -> ModelResult<Box<dyn Module>> {
        Ok(Box::new(self.function))
    }
}

impl Layer for Activation {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(x.with(ops.activation(*self, &x.x)?))
    }
}
