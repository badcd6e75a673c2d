//! The layer `flatten`: see [`FlattenSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::layer::{Layer, LayerWords, Module, image};
use crate::model::ops::Ops;
use crate::model::signal::Signal;
use crate::model::weights::Weights;

/// An image as one vector: channel after channel, in each row after row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlattenSpec {}

impl Settings for FlattenSpec {
    const EXAMPLE: &'static str = "flatten";
}

impl LayerWords for FlattenSpec {
    fn shape(&self, input: Shape) -> Result<Shape, String> {
        let (channels, height, width) = image(input)?;
        Ok(Shape::vector(channels * height * width))
    }

    fn build(&self, _: &str, input: Shape, _: &mut Weights) -> Result<Box<dyn Module>> {
        let (channels, height, width) = image(input).map_err(candle_core::Error::msg)?;
        Ok(Box::new(Flatten { width: channels * height * width }))
    }
}

/// One row per image.
struct Flatten {
    width: usize,
}

impl Layer for Flatten {
    // x: [rows, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<Signal<O::Value>> {
        Ok(Signal::plain(ops.reshape(&x.x, &[-1, self.width as i64])?))
    }
}
