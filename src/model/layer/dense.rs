//! The layer `dense`: see [`DenseConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::{BuildLayer, Layer, Module};
use crate::model::ops::Ops;
pub use crate::model::ops::dense::Dense;
use crate::model::weights::Weights;

/// A fully connected layer: y = x W + b, then an activation.
///
/// W and b are initialized from U(-k, k) with k = 1 / sqrt(input width), as in PyTorch's `nn.Linear`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DenseConfig {
    /// Width of the output.
    pub units: Count,
    /// Activation function of the output. Default none.
    #[serde(default)]
    pub activation: Option<Activation>,
    /// Whether to add the bias b. Default true.
    #[serde(default = "default_bias")]
    pub bias: bool,
}

impl Settings for DenseConfig {
    const BARE: Option<&'static str> = Some("units");
    const EXAMPLE: &'static str = "{dense: {units: 64, activation: relu}}";
}

pub(crate) fn default_bias() -> bool {
    true
}

impl BuildLayer for DenseConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        match input {
            Shape::Image { .. } | Shape::Tokens { .. } => {
                Err(format!("needs a vector or a sequence, not {input}"))
            }
            input => Ok(input.with_width(self.units.get())),
        }
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let activation = self.activation.unwrap_or(Activation::Identity);
        Ok(Box::new(Dense::build(name, input.width(), self.units.get(), activation, self.bias, weights)?))
    }
}

impl Layer for Dense {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(x.with(self.on(ops, &x.x)?))
    }
}
