//! The layer `avg_pool2d`: see [`AvgPool2dSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::kernel::pool::Pooling;
use crate::model::kernel::window::Window;
use crate::model::layer::padding::Padding;
use crate::model::layer::{Layer, LayerWords, Module, image};
use crate::model::ops::Ops;
use crate::model::signal::Signal;
use crate::model::weights::Weights;

/// The mean of each window of an image, channel by channel. Only what lies inside the image counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AvgPool2dSpec {
    /// Height and width of the window, in pixels. Default 2.
    #[serde(default = "two")]
    pub size: Count,
    /// How far the window moves, in pixels. Default `size`: windows side by side.
    #[serde(default)]
    pub stride: Option<Count>,
    /// `valid` (default), `same`, or pixels on every side.
    #[serde(default = "valid")]
    pub padding: Padding,
}

impl Settings for AvgPool2dSpec {
    const BARE: Option<&'static str> = Some("size");
    const EXAMPLE: &'static str = "{avg_pool2d: 2}";
}

fn two() -> Count {
    Count::constant(2)
}

fn valid() -> Padding {
    Padding::Valid
}

impl AvgPool2dSpec {
    fn window(&self, height: usize, width: usize) -> Result<Window, String> {
        self.padding.window(height, width, self.size.get(), self.stride.unwrap_or(self.size).get())
    }
}

impl LayerWords for AvgPool2dSpec {
    fn shape(&self, input: Shape) -> Result<Shape, String> {
        let (channels, height, width) = image(input)?;
        let Window { rows, columns, .. } = self.window(height, width)?;
        Ok(Shape::Image { channels, height: rows, width: columns })
    }

    fn build(&self, _: &str, input: Shape, _: &mut Weights) -> Result<Box<dyn Module>> {
        let (_, height, width) = image(input).map_err(candle_core::Error::msg)?;
        Ok(Box::new(AvgPool2d { window: self.window(height, width).map_err(candle_core::Error::msg)? }))
    }
}

/// The mean of each window.
struct AvgPool2d {
    window: Window,
}

impl Layer for AvgPool2d {
    // x: [rows, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<Signal<O::Value>> {
        Ok(Signal::plain(ops.pool2d(&x.x, self.window, Pooling::Mean)?))
    }
}
