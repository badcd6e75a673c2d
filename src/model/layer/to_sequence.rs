//! The layer `to_sequence`: see [`ToSequenceSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::layer::{Layer, LayerWords, Module, image};
use crate::model::ops::Ops;
use crate::model::signal::Signal;
use crate::model::weights::Weights;

/// An image as a sequence: its rows are the steps, each of channels x width numbers, channel after channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToSequenceSpec {}

impl Settings for ToSequenceSpec {
    const EXAMPLE: &'static str = "to_sequence";
}

impl LayerWords for ToSequenceSpec {
    fn shape(&self, input: Shape) -> Result<Shape, String> {
        image(input).map(|(channels, _, width)| Shape::Sequence { width: channels * width })
    }

    fn build(&self, _: &str, input: Shape, _: &mut Weights) -> Result<Box<dyn Module>> {
        let (channels, height, width) = image(input).map_err(candle_core::Error::msg)?;
        Ok(Box::new(ToSequence { height, width: channels * width }))
    }
}

/// Rows as steps.
struct ToSequence {
    height: usize,
    /// Of a step.
    width: usize,
}

impl Layer for ToSequence {
    // x: [rows, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<Signal<O::Value>> {
        let turned = ops.transpose(&x.x, &[0, 2, 1, 3])?;
        let steps = ops.reshape(&turned, &[-1, self.height as i64, self.width as i64])?;
        Ok(Signal { x: steps, mask: Some(ops.full(&x.x, self.height)?) })
    }
}
