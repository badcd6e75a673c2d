//! The layer `upsample`: see [`UpsampleSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::error::Result;
pub use crate::model::interpolation::Method;
use crate::model::layer::{Layer, LayerWords, Module, image};
use crate::model::ops::Ops;
use crate::model::signal::Signal;
use crate::model::weights::Weights;

/// An image `factor` times as high and as wide: every pixel repeated (nearest), or between the centers of
/// pixels in straight lines (bilinear, as PyTorch's `interpolate` without `align_corners`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpsampleSpec {
    /// How many times as high and as wide. Default 2.
    #[serde(default = "two")]
    pub factor: Count,
    /// `nearest` (default) or `bilinear`.
    #[serde(default)]
    pub method: Method,
}

impl Settings for UpsampleSpec {
    const BARE: Option<&'static str> = Some("factor");
    const EXAMPLE: &'static str = "{upsample: {factor: 2, method: bilinear}}";
}

fn two() -> Count {
    Count::constant(2)
}

impl LayerWords for UpsampleSpec {
    fn shape(&self, input: Shape) -> Result<Shape, String> {
        let (channels, height, width) = image(input)?;
        let factor = self.factor.get();
        Ok(Shape::Image { channels, height: height * factor, width: width * factor })
    }

    fn build(&self, _: &str, _: Shape, _: &mut Weights) -> Result<Box<dyn Module>> {
        Ok(Box::new(Upsample { factor: self.factor.get(), method: self.method }))
    }
}

/// Makes images larger.
struct Upsample {
    factor: usize,
    method: Method,
}

impl Layer for Upsample {
    // x: [rows, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<Signal<O::Value>> {
        Ok(Signal::plain(ops.upsample(&x.x, self.factor, self.method)?))
    }
}
