//! A convolution of images: at each position of a window, weights times its pixels plus a bias, then an
//! activation.
//!
//! Weights `[filters, channels, kernel, kernel]` and bias begin evenly within 1 / sqrt(channels kernel kernel),
//! as PyTorch's `nn.Conv2d`; `padding: same` stands as in Keras where the stride is not 1.

use candle_core::{Tensor, Var};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::emission::constant;
use crate::model::error::Result;
use crate::model::kernel::convolution::convolution;
use crate::model::kernel::window::Window;
use crate::model::layer::activation::Activation;
use crate::model::layer::padding::{Padding, moves};
use crate::model::layer::{Layer, LayerWords, image};
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::{Init, Weights};
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator::image as operator;

/// A convolution of images, then an activation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conv2dSpec {
    /// Channels of the output.
    pub filters: Count,
    /// Height and width of the window, in pixels. Default 3.
    #[serde(default = "three")]
    pub kernel: Count,
    /// How far the window moves, in pixels. Default 1.
    #[serde(default = "one")]
    pub stride: Count,
    /// `same` (default), `valid`, or pixels of zeros on every side.
    #[serde(default)]
    pub padding: Padding,
    /// Default none.
    #[serde(default)]
    pub activation: Option<Activation>,
    /// Add a bias? Default true.
    #[serde(default = "yes")]
    pub bias: bool,
}

impl Settings for Conv2dSpec {
    const BARE: Option<&'static str> = Some("filters");
    const EXAMPLE: &'static str = "{conv2d: {filters: 64, kernel: 3, activation: relu}}";
}

fn three() -> Count {
    Count::constant(3)
}

fn one() -> Count {
    Count::constant(1)
}

fn yes() -> bool {
    true
}

impl Conv2dSpec {
    fn window(&self, height: usize, width: usize) -> Result<Window, String> {
        self.padding.window(height, width, self.kernel.get(), self.stride.get())
    }
}

impl LayerWords for Conv2dSpec {
    fn shape(&self, input: Shape) -> Result<Shape, String> {
        let (_, height, width) = image(input)?;
        let Window { rows, columns, .. } = self.window(height, width)?;
        Ok(Shape::Image { channels: self.filters.get(), height: rows, width: columns })
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> Result<Box<dyn Layer>> {
        let (channels, height, width) = image(input).map_err(candle_core::Error::msg)?;
        let window = self.window(height, width).map_err(candle_core::Error::msg)?;
        let function = self.activation.unwrap_or(Activation::Identity);
        let filters = self.filters.get();
        Ok(Box::new(Conv2d::build(name, channels, filters, window, function, self.bias, weights)?))
    }
}

/// activation(x * W + b)
pub struct Conv2d {
    name: String,
    /// `[filters, channels, kernel, kernel]`
    weight: Var,
    /// `[filters]`
    bias: Option<Var>,
    /// In place of a bias.
    zeros: Tensor,
    window: Window,
    activation: Activation,
}

impl Conv2d {
    pub fn build(
        name: &str,
        channels: usize,
        filters: usize,
        window: Window,
        activation: Activation,
        bias: bool,
        weights: &mut Weights,
    ) -> Result<Self> {
        let init = Init::fan_in(channels * window.size * window.size);
        let shape = [filters, channels, window.size, window.size];
        let weight = weights.variable(&format!("{name}.weight"), &shape, init.clone())?;
        let bias = match bias {
            true => Some(weights.variable(&format!("{name}.bias"), &[filters], init)?),
            false => None,
        };
        let zeros = weights.zeros(filters)?;
        Ok(Self { name: name.to_owned(), weight, bias, zeros, window, activation })
    }

    // x: [rows, channels, height, width]
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let bias = self.bias.as_ref().map_or(&self.zeros, |bias| bias.as_tensor());
        Ok(convolution(x, &self.weight, bias, self.window, self.activation)?)
    }

    /// `apply` as nodes of an ONNX graph.
    pub fn nodes(&self, graph: &mut Graph, x: &Value) -> Result<Value> {
        let weight = constant(graph, &format!("{}.weight", self.name), &self.weight)?;
        let bias = match &self.bias {
            Some(bias) => Some(constant(graph, &format!("{}.bias", self.name), bias)?),
            None => None,
        };
        let y = operator::conv(graph, x, &weight, bias.as_ref(), &moves(&self.window));
        Ok(self.activation.nodes(graph, &y))
    }
}

impl Layer for Conv2d {
    fn forward(&self, x: &Signal, _: &Mode) -> Result<Signal> {
        Ok(Signal::plain(self.apply(&x.x)?))
    }

    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Wire> {
        Ok(Wire::plain(self.nodes(graph, &x.x)?))
    }
}
