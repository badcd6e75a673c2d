//! The layer `conv_transpose2d`: see [`ConvTranspose2dConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::kernel::window::Window;
use crate::model::layer::dense::default_bias;
use crate::model::layer::padding::Padding;
use crate::model::layer::{BuildLayer, Layer, Module, image};
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// A transposed 2D convolution, then an activation. With `padding: same` height and width grow by the factor
/// `stride`.
///
/// Weights `[channels, filters, kernel, kernel]` and bias are initialized from U(-k, k) with
/// k = 1 / sqrt(filters x kernel x kernel), as in PyTorch's `nn.ConvTranspose2d`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConvTranspose2dConfig {
    /// Number of output channels.
    pub filters: Count,
    /// Height and width of the kernel in pixels. Default 2.
    #[serde(default = "default_kernel_or_stride")]
    pub kernel: Count,
    /// Stride in pixels. Default 2.
    #[serde(default = "default_kernel_or_stride")]
    pub stride: Count,
    /// `same` (default: `stride` times the height and width), `valid` (the full output), or the number of
    /// pixels to crop from every side of the full output.
    #[serde(default)]
    pub padding: Padding,
    /// Activation function of the output. Default none.
    #[serde(default)]
    pub activation: Option<Activation>,
    /// Whether to add a bias. Default true.
    #[serde(default = "default_bias")]
    pub bias: bool,
}

impl Settings for ConvTranspose2dConfig {
    const BARE: Option<&'static str> = Some("filters");
    const EXAMPLE: &'static str = "{conv_transpose2d: {filters: 32, kernel: 2, stride: 2}}";
}

fn default_kernel_or_stride() -> Count {
    Count::constant(2)
}

impl ConvTranspose2dConfig {
    fn window(&self, height: usize, width: usize) -> ModelResult<Window, String> {
        self.padding.transposed(height, width, self.kernel.get(), self.stride.get())
    }
}

impl BuildLayer for ConvTranspose2dConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        let (_, height, width) = image(input)?;
        let Window { height, width, .. } = self.window(height, width)?;
        Ok(Shape::Image { channels: self.filters.get(), height, width })
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let (channels, height, width) = image(input).map_err(candle_core::Error::msg)?;
        let window = self.window(height, width).map_err(candle_core::Error::msg)?;
        let filters = self.filters.get();
        let init = Init::fan_in(filters * window.size * window.size);
        let shape = [channels, filters, window.size, window.size];
        let weight = weights.parameter(&format!("{name}.weight"), &shape, init.clone())?;
        let bias = || weights.parameter(&format!("{name}.bias"), &[filters], init);
        let bias = self.bias.then(bias).transpose()?;
        let activation = self.activation.unwrap_or(Activation::Identity);
        Ok(Box::new(ConvTranspose2d { weight, bias, window, activation }))
    }
}

/// A built transposed convolution.
struct ConvTranspose2d {
    /// `[channels, filters, kernel, kernel]`
    weight: Parameter,
    /// `[filters]`
    bias: Option<Parameter>,
    window: Window,
    activation: Activation,
}

impl Layer for ConvTranspose2d {
    // x: [batch, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let (bias, window) = (self.bias.as_ref(), self.window);
        Ok(Activations::plain(ops.conv_transpose2d(&x.x, &self.weight, bias, window, self.activation)?))
    }
}
