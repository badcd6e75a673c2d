//! An image as a sequence: its rows are the steps, each of channels x width numbers, channel after channel.

use candle_core::{Device, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::layer::{Layer, LayerWords, image};
use crate::model::mode::Mode;
use crate::model::signal::{Mask, Signal, Wire, WireMask};
use crate::model::weights::Weights;
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// An image as a sequence of its rows, each of channels x width numbers.
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

    fn build(&self, _: &str, input: Shape, _: &mut Weights) -> Result<Box<dyn Layer>> {
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

impl ToSequence {
    /// Every row of the image is a step of every sequence.
    fn mask(&self, rows: usize, device: &Device) -> Result<Mask> {
        Mask::of(vec![self.height as u32; rows], self.height, device)
    }

    /// The same, for as many sequences as x has rows.
    fn wire_mask(&self, graph: &mut Graph, x: &Value) -> WireMask {
        let dims = operator::shape(graph, x);
        let rows = operator::slice(graph, &dims, 0, 0, 1);
        let height = graph.ints(&[self.height as i64]);
        let both = operator::concat(graph, &[&rows, &height], 0);
        let one = graph.scalar(1.0);
        WireMask::of(operator::expand(graph, &one, &both), operator::expand(graph, &height, &rows))
    }
}

impl Layer for ToSequence {
    // x: [rows, channels, height, width]
    fn forward(&self, x: &Signal, _: &Mode) -> Result<Signal> {
        let rows = x.x.dim(0)?;
        let steps: Tensor = x.x.transpose(1, 2)?.contiguous()?.reshape((rows, self.height, self.width))?;
        Ok(Signal { x: steps, mask: Some(self.mask(rows, x.x.device())?) })
    }

    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Wire> {
        let turned = operator::transpose(graph, &x.x, &[0, 2, 1, 3]);
        let steps = operator::reshape(graph, &turned, &[-1, self.height as i64, self.width as i64]);
        let mask = self.wire_mask(graph, &x.x);
        Ok(Wire { x: steps, mask: Some(mask) })
    }
}
