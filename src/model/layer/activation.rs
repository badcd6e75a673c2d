//! The layer `activation`: see [`ActivationSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::shape::Shape;
pub use crate::model::activation::Activation;
use crate::model::error::Result;
use crate::model::layer::{Layer, LayerWords, Module, numbers};
use crate::model::ops::Ops;
use crate::model::signal::Signal;
use crate::model::weights::Weights;

/// An element-wise function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivationSpec {
    /// relu, leaky_relu, elu, gelu, silu, tanh, sigmoid, softplus or identity.
    pub function: Activation,
}

impl Settings for ActivationSpec {
    const BARE: Option<&'static str> = Some("function");
    const EXAMPLE: &'static str = "{activation: gelu}";
}

impl LayerWords for ActivationSpec {
    fn shape(&self, input: Shape) -> Result<Shape, String> {
        numbers(input)
    }

    fn build(&self, _: &str, _: Shape, _: &mut Weights) -> Result<Box<dyn Module>> {
        Ok(Box::new(self.function))
    }
}

impl Layer for Activation {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<Signal<O::Value>> {
        Ok(x.with(ops.activation(*self, &x.x)?))
    }
}
