//! The layer `flatten`: see [`FlattenConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::{BuildLayer, Layer, Module, image};
use crate::model::ops::Ops;
use crate::model::weights::Weights;

/// Flattens an image to a vector, in the order channels, rows, columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlattenConfig {}

impl Settings for FlattenConfig {
    const EXAMPLE: &'static str = "flatten";
}

impl BuildLayer for FlattenConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        let (channels, height, width) = image(input)?;
        Ok(Shape::vector(channels * height * width))
    }

    fn build(&self, _: &str, input: Shape, _: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let (channels, height, width) = image(input).map_err(candle_core::Error::msg)?;
        Ok(Box::new(Flatten { width: channels * height * width }))
    }
}

/// A built flattening.
struct Flatten {
    width: usize,
}

impl Layer for Flatten {
    // x: [batch, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(Activations::plain(ops.reshape(&x.x, &[-1, self.width as i64])?))
    }
}
