//! The layer `to_sequence`: see [`ToSequenceConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::{BuildLayer, Layer, Module, image};
use crate::model::ops::Ops;
use crate::model::weights::Weights;

/// Turns an image into a sequence: its rows become steps of channels x width features, channels first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToSequenceConfig {}

impl Settings for ToSequenceConfig {
    const EXAMPLE: &'static str = "to_sequence";
}

impl BuildLayer for ToSequenceConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        image(input).map(|(channels, _, width)| Shape::Sequence { width: channels * width })
    }

    fn build(&self, _: &str, input: Shape, _: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let (channels, height, width) = image(input).map_err(candle_core::Error::msg)?;
        Ok(Box::new(ToSequence { height, width: channels * width }))
    }
}

/// A built `to_sequence`.
struct ToSequence {
    height: usize,
    /// Features per step.
    width: usize,
}

impl Layer for ToSequence {
    // x: [batch, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let transposed = ops.transpose(&x.x, &[0, 2, 1, 3])?;
        let steps = ops.reshape(&transposed, &[-1, self.height as i64, self.width as i64])?;
        Ok(Activations { x: steps, mask: Some(ops.full(&x.x, self.height)?) })
    }
}
