//! A transposed convolution: each pixel is spread by weights over a window of a larger image, where windows
//! overlap as a sum; then a bias and an activation. With `padding: same` the image grows by `stride`.
//!
//! Weights `[channels, filters, kernel, kernel]` and bias begin evenly within 1 / sqrt(filters kernel kernel),
//! as PyTorch's `nn.ConvTranspose2d`.

use candle_core::{Tensor, Var};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::emission::constant;
use crate::model::error::Result;
use crate::model::kernel::convolution::transposed;
use crate::model::kernel::window::Window;
use crate::model::layer::activation::Activation;
use crate::model::layer::padding::{Padding, moves};
use crate::model::layer::{Layer, LayerWords, image};
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::{Init, Weights};
use crate::onnx::graph::Graph;
use crate::onnx::operator::image as operator;

/// A transposed convolution, which makes images larger, then an activation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConvTranspose2dSpec {
    /// Channels of the output.
    pub filters: Count,
    /// Height and width of the window, in pixels. Default 2.
    #[serde(default = "two")]
    pub kernel: Count,
    /// How far apart the windows of neighbouring pixels lie. Default 2.
    #[serde(default = "two")]
    pub stride: Count,
    /// `same` (default: `stride` times the height and width), `valid` (all that the windows reach), or pixels cut
    /// from every side of that.
    #[serde(default)]
    pub padding: Padding,
    /// Default none.
    #[serde(default)]
    pub activation: Option<Activation>,
    /// Add a bias? Default true.
    #[serde(default = "yes")]
    pub bias: bool,
}

impl Settings for ConvTranspose2dSpec {
    const BARE: Option<&'static str> = Some("filters");
    const EXAMPLE: &'static str = "{conv_transpose2d: {filters: 32, kernel: 2, stride: 2}}";
}

fn two() -> Count {
    Count::constant(2)
}

fn yes() -> bool {
    true
}

impl ConvTranspose2dSpec {
    fn window(&self, height: usize, width: usize) -> Result<Window, String> {
        self.padding.transposed(height, width, self.kernel.get(), self.stride.get())
    }
}

impl LayerWords for ConvTranspose2dSpec {
    fn shape(&self, input: Shape) -> Result<Shape, String> {
        let (_, height, width) = image(input)?;
        let Window { height, width, .. } = self.window(height, width)?;
        Ok(Shape::Image { channels: self.filters.get(), height, width })
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> Result<Box<dyn Layer>> {
        let (channels, height, width) = image(input).map_err(candle_core::Error::msg)?;
        let window = self.window(height, width).map_err(candle_core::Error::msg)?;
        let filters = self.filters.get();
        let init = Init::fan_in(filters * window.size * window.size);
        let shape = [channels, filters, window.size, window.size];
        let weight = weights.variable(&format!("{name}.weight"), &shape, init.clone())?;
        let bias = match self.bias {
            true => Some(weights.variable(&format!("{name}.bias"), &[filters], init)?),
            false => None,
        };
        let zeros = weights.zeros(filters)?;
        let activation = self.activation.unwrap_or(Activation::Identity);
        Ok(Box::new(ConvTranspose2d { name: name.to_owned(), weight, bias, zeros, window, activation }))
    }
}

/// activation(spread of x by W + b)
struct ConvTranspose2d {
    name: String,
    /// `[channels, filters, kernel, kernel]`
    weight: Var,
    /// `[filters]`
    bias: Option<Var>,
    /// In place of a bias.
    zeros: Tensor,
    window: Window,
    activation: Activation,
}

impl Layer for ConvTranspose2d {
    // x: [rows, channels, height, width]
    fn forward(&self, x: &Signal, _: &Mode) -> Result<Signal> {
        let bias = self.bias.as_ref().map_or(&self.zeros, |bias| bias.as_tensor());
        Ok(Signal::plain(transposed(&x.x, &self.weight, bias, self.window, self.activation)?))
    }

    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Wire> {
        let weight = constant(graph, &format!("{}.weight", self.name), &self.weight)?;
        let bias = match &self.bias {
            Some(bias) => Some(constant(graph, &format!("{}.bias", self.name), bias)?),
            None => None,
        };
        let Window { size, stride, top, left, height, width, rows, columns } = self.window;
        let more = |length: usize, before: usize, count: usize| {
            (length + before).saturating_sub((count - 1) * stride + size)
        };
        let more = [more(height, top, rows), more(width, left, columns)];
        let moves = moves(&self.window);
        let y = operator::conv_transpose(graph, &x.x, &weight, bias.as_ref(), &moves, &more);
        Ok(Wire::plain(self.activation.nodes(graph, &y)))
    }
}
