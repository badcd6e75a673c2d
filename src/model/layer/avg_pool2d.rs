//! The layer `avg_pool2d`: see [`AvgPool2dConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::error::ModelResult;
use crate::model::kernel::pool::Pooling;
use crate::model::layer::padding::Padding;
use crate::model::layer::pool2d::{PoolWindow, two, valid};
use crate::model::layer::{BuildLayer, Module};
use crate::model::weights::Weights;

/// Average pooling over windows of an image. Padded pixels are not counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AvgPool2dConfig {
    /// Height and width of the window in pixels. Default 2.
    #[serde(default = "two")]
    pub size: Count,
    /// Stride in pixels. Default `size`.
    #[serde(default)]
    pub stride: Option<Count>,
    /// `valid` (default), `same`, or the number of pixels on every side.
    #[serde(default = "valid")]
    pub padding: Padding,
}

impl Settings for AvgPool2dConfig {
    const BARE: Option<&'static str> = Some("size");
    const EXAMPLE: &'static str = "{avg_pool2d: 2}";
}

impl AvgPool2dConfig {
    fn window(&self) -> PoolWindow {
        PoolWindow { size: self.size, stride: self.stride, padding: self.padding }
    }
}

impl BuildLayer for AvgPool2dConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        self.window().shape(input)
    }

    fn build(&self, _: &str, input: Shape, _: &mut Weights) -> ModelResult<Box<dyn Module>> {
        self.window().build(input, Pooling::Mean)
    }
}
