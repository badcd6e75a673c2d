//! The layer `conv2d`: see [`Conv2dConfig`].

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
use crate::model::layer::groups::Groups;
use crate::model::layer::padding::Padding;
use crate::model::layer::{BuildLayer, Layer, Module, image};
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// A 2D convolution, then an activation.
///
/// Weights `[filters, channels / groups, kernel, kernel]` and bias are initialized from U(-k, k) with
/// k = 1 / sqrt(channels / groups x kernel x kernel), as in PyTorch's `nn.Conv2d`. For strides other than 1,
/// `padding: same` is that of Keras.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conv2dConfig {
    /// Number of output channels.
    pub filters: Count,
    /// Height and width of the kernel in pixels. Default 3.
    #[serde(default = "default_kernel")]
    pub kernel: Count,
    /// Stride in pixels. Default 1.
    #[serde(default = "default_stride")]
    pub stride: Count,
    /// `same` (default), `valid`, or the number of zero pixels on every side.
    #[serde(default)]
    pub padding: Padding,
    /// Number of groups of channels, each with filters of its own, or `depthwise`: every channel is a group
    /// (Howard et al. 2017). Default 1.
    #[serde(default, skip_serializing_if = "is_one_group")]
    pub groups: Groups,
    /// Activation function of the output. Default none.
    #[serde(default)]
    pub activation: Option<Activation>,
    /// Whether to add a bias. Default true.
    #[serde(default = "default_bias")]
    pub bias: bool,
}

impl Settings for Conv2dConfig {
    const BARE: Option<&'static str> = Some("filters");
    const EXAMPLE: &'static str = "{conv2d: {filters: 64, kernel: 3, activation: relu}}";
}

fn default_kernel() -> Count {
    Count::constant(3)
}

fn default_stride() -> Count {
    Count::constant(1)
}

/// Pipelines without `groups` keep their fingerprints.
fn is_one_group(groups: &Groups) -> bool {
    *groups == Groups::default()
}

impl Conv2dConfig {
    fn window(&self, height: usize, width: usize) -> ModelResult<Window, String> {
        self.padding.window(height, width, self.kernel.get(), self.stride.get())
    }
}

impl BuildLayer for Conv2dConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        let (channels, height, width) = image(input)?;
        self.groups.of(channels, self.filters.get())?;
        let Window { rows, columns, .. } = self.window(height, width)?;
        Ok(Shape::Image { channels: self.filters.get(), height: rows, width: columns })
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let (channels, height, width) = image(input).map_err(candle_core::Error::msg)?;
        let window = self.window(height, width).map_err(candle_core::Error::msg)?;
        let activation = self.activation.unwrap_or(Activation::Identity);
        let filters = self.filters.get();
        let groups = self.groups.of(channels, filters).map_err(candle_core::Error::msg)?;
        let channels = ConvolutionChannels { channels, filters, groups };
        Ok(Box::new(Conv2d::build(name, channels, window, activation, self.bias, weights)?))
    }
}

/// Channels of the input and the output of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct ConvolutionChannels {
    /// Channels of the input.
    pub channels: usize,
    /// Channels of the output.
    pub filters: usize,
    /// Divides both.
    pub groups: usize,
}

impl ConvolutionChannels {
    /// Every filter reads every channel.
    pub fn full(channels: usize, filters: usize) -> Self {
        Self { channels, filters, groups: 1 }
    }

    /// One filter for each channel.
    pub fn depthwise(channels: usize) -> Self {
        Self { channels, filters: channels, groups: channels }
    }
}

/// A built 2D convolution.
pub struct Conv2d {
    /// `[filters, channels / groups, kernel, kernel]`
    weight: Parameter,
    /// `[filters]`
    bias: Option<Parameter>,
    window: Window,
    groups: usize,
    activation: Activation,
}

impl Conv2d {
    /// A convolution of `channels` to `filters` channels; weights are named below `name`.
    pub fn build(
        name: &str,
        channels: ConvolutionChannels,
        window: Window,
        activation: Activation,
        bias: bool,
        weights: &mut Weights,
    ) -> ModelResult<Self> {
        let ConvolutionChannels { channels, filters, groups } = channels;
        let own = channels / groups;
        let init = Init::fan_in(own * window.size * window.size);
        let shape = [filters, own, window.size, window.size];
        let weight = weights.parameter(&format!("{name}.weight"), &shape, init.clone())?;
        let new_bias = || weights.parameter(&format!("{name}.bias"), &[filters], init);
        Ok(Self { weight, bias: bias.then(new_bias).transpose()?, window, groups, activation })
    }

    /// Maps `[batch, channels, height, width]` to `[batch, filters, window.rows, window.columns]`.
    pub fn on<O: Ops>(&self, ops: &mut O, x: &O::Value) -> ModelResult<O::Value> {
        ops.conv2d(x, &self.weight, self.bias.as_ref(), self.window, self.groups, self.activation)
    }
}

impl Layer for Conv2d {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(Activations::plain(self.on(ops, &x.x)?))
    }
}
