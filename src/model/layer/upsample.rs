//! The layer `upsample`: see [`UpsampleConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
pub use crate::model::interpolation::Interpolation;
use crate::model::layer::{BuildLayer, Layer, Module, image};
use crate::model::ops::Ops;
use crate::model::weights::Weights;

/// Upsampling of an image by `factor`: nearest neighbour, or bilinear as PyTorch's `interpolate` without
/// `align_corners`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpsampleConfig {
    /// Scale of height and width. Default 2.
    #[serde(default = "default_factor")]
    pub factor: Count,
    /// `nearest` (default) or `bilinear`.
    #[serde(default)]
    pub method: Interpolation,
}

impl Settings for UpsampleConfig {
    const BARE: Option<&'static str> = Some("factor");
    const EXAMPLE: &'static str = "{upsample: {factor: 2, method: bilinear}}";
}

fn default_factor() -> Count {
    Count::constant(2)
}

impl BuildLayer for UpsampleConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        let (channels, height, width) = image(input)?;
        let factor = self.factor.get();
        Ok(Shape::Image { channels, height: height * factor, width: width * factor })
    }

    fn build(&self, _: &str, _: Shape, _: &mut Weights) -> ModelResult<Box<dyn Module>> {
        Ok(Box::new(Upsample { factor: self.factor.get(), method: self.method }))
    }
}

/// A built upsampling.
struct Upsample {
    factor: usize,
    method: Interpolation,
}

impl Layer for Upsample {
    // x: [batch, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(Activations::plain(ops.upsample(&x.x, self.factor, self.method)?))
    }
}
