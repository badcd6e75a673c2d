//! A fully connected layer: y = x W + b, then an activation.
//!
//! W and b begin evenly within 1 / sqrt(width of x), as PyTorch's `nn.Linear`.

use candle_core::{D, Tensor, Var};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::emission::constant;
use crate::model::error::Result;
use crate::model::kernel;
use crate::model::layer::activation::Activation;
use crate::model::layer::{Layer, LayerWords};
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::{Init, Weights};
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// A fully connected layer: y = x W + b, then an activation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DenseSpec {
    /// Width of the output.
    pub units: Count,
    /// Default none.
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

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> Result<Box<dyn Layer>> {
        let activation = self.activation.unwrap_or(Activation::Identity);
        Ok(Box::new(Dense::build(name, input.width(), self.units.get(), activation, self.bias, weights)?))
    }
}

/// activation(x W + b)
#[derive(Clone, Debug)]
pub struct Dense {
    name: String,
    /// `[in, out]`
    weight: Var,
    /// `[out]`
    bias: Option<Var>,
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
        let weight = weights.variable(&format!("{name}.weight"), &[width, units], init.clone())?;
        let bias = match bias {
            true => Some(weights.variable(&format!("{name}.bias"), &[units], init)?),
            false => None,
        };
        Ok(Self { name: name.to_owned(), weight, bias, activation })
    }

    /// A projection: no function, and with a bias.
    pub fn projection(name: &str, width: usize, units: usize, weights: &mut Weights) -> Result<Self> {
        Self::build(name, width, units, Activation::Identity, true, weights)
    }

    /// W `[in, out]` and b `[out]`, where it is no more than x W + b.
    pub fn linear(&self) -> Option<(&Var, &Var)> {
        let bias = self.bias.as_ref().filter(|_| self.activation == Activation::Identity)?;
        Some((&self.weight, bias))
    }

    /// `[rows, in]` to `[rows, out]`, or with time between both.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        if let Some(bias) = &self.bias {
            return Ok(kernel::affine::affine(x, &self.weight, bias, self.activation)?);
        }
        let mut shape = x.dims().to_vec();
        let y = x.reshape(((), x.dim(D::Minus1)?))?.matmul(&self.weight)?;
        *shape.last_mut().expect("a batch has dimensions") = y.dim(1)?;
        Ok(kernel::activation::activation(self.activation, &y.reshape(shape)?)?)
    }
}

impl Layer for Dense {
    fn forward(&self, x: &Signal, _: &Mode) -> Result<Signal> {
        Ok(x.with(self.apply(&x.x)?))
    }

    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Wire> {
        Ok(x.with(self.nodes(graph, &x.x)?))
    }
}

impl Dense {
    /// `apply` as nodes of an ONNX graph.
    pub fn nodes(&self, graph: &mut Graph, x: &Value) -> Result<Value> {
        let weight = constant(graph, &format!("{}.weight", self.name), &self.weight)?;
        let bias = match &self.bias {
            Some(bias) => Some(constant(graph, &format!("{}.bias", self.name), bias)?),
            None => None,
        };
        let y = operator::dense(graph, x, &weight, bias.as_ref());
        Ok(self.activation.nodes(graph, &y))
    }
}
