//! The layer `dense`: see [`DenseSpec`].

use candle_core::{Tensor, Var};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::layer::activation::Activation;
use crate::model::layer::{Layer, LayerWords, Module};
use crate::model::ops::{Ops, Tensors};
use crate::model::signal::Signal;
use crate::model::weights::{Init, Parameter, Weights};

/// A fully connected layer: y = x W + b, then an activation.
///
/// W and b begin evenly within 1 / sqrt(width of x), as PyTorch's `nn.Linear`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DenseSpec {
    /// Width of the output.
    pub units: Count,
    /// An element-wise function of what was computed. Default none.
    #[serde(default)]
    pub activation: Option<Activation>,
    /// Add b? Default true.
    #[serde(default = "yes")]
    pub bias: bool,
}

impl Settings for DenseSpec {
    const BARE: Option<&'static str> = Some("units");
    const EXAMPLE: &'static str = "{dense: {units: 64, activation: relu}}";
}

fn yes() -> bool {
    true
}

impl LayerWords for DenseSpec {
    fn shape(&self, input: Shape) -> Result<Shape, String> {
        match input {
            Shape::Image { .. } | Shape::Tokens { .. } => {
                Err(format!("needs a vector or a sequence, not {input}"))
            }
            input => Ok(input.with_width(self.units.get())),
        }
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> Result<Box<dyn Module>> {
        let activation = self.activation.unwrap_or(Activation::Identity);
        Ok(Box::new(Dense::build(name, input.width(), self.units.get(), activation, self.bias, weights)?))
    }
}

/// activation(x W + b)
#[derive(Clone, Debug)]
pub struct Dense {
    /// `[in, out]`
    weight: Parameter,
    /// `[out]`
    bias: Option<Parameter>,
    activation: Activation,
}

impl Dense {
    pub fn build(
        name: &str,
        width: usize,
        units: usize,
        activation: Activation,
        bias: bool,
        weights: &mut Weights,
    ) -> Result<Self> {
        let init = Init::fan_in(width);
        let weight = weights.parameter(&format!("{name}.weight"), &[width, units], init.clone())?;
        let bias = match bias {
            true => Some(weights.parameter(&format!("{name}.bias"), &[units], init)?),
            false => None,
        };
        Ok(Self { weight, bias, activation })
    }

    /// A projection: no function, and with a bias.
    pub fn projection(name: &str, width: usize, units: usize, weights: &mut Weights) -> Result<Self> {
        Self::build(name, width, units, Activation::Identity, true, weights)
    }

    /// W `[in, out]` and b `[out]`, where it is no more than x W + b.
    pub fn linear(&self) -> Option<(&Var, &Var)> {
        let bias = self.bias.as_ref().filter(|_| self.activation == Activation::Identity)?;
        Some((self.weight.var(), bias.var()))
    }

    /// `[..., in]` to `[..., out]`.
    pub fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> Result<O::Value> {
        ops.linear(x, &self.weight, self.bias.as_ref(), self.activation)
    }

    /// The same of a tensor.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        self.on(&mut Tensors::answering(), x)
    }
}

impl Layer for Dense {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<Signal<O::Value>> {
        Ok(x.with(self.on(ops, &x.x)?))
    }
}
