//! The mean or the largest value of each channel of an image, as a vector.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::kernel::pool::{Pooling, pool_all};
use crate::model::layer::{Layer, LayerWords, image};
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::Weights;
use crate::onnx::graph::Graph;
use crate::onnx::operator;

/// The mean or the largest value of each channel of an image, as a vector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GlobalPoolSpec {
    /// `mean` (default) or `max`.
    #[serde(default)]
    pub method: GlobalPooling,
}

/// What is kept of a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GlobalPooling {
    #[default]
    Mean,
    Max,
}

impl Settings for GlobalPoolSpec {
    const BARE: Option<&'static str> = Some("method");
    const EXAMPLE: &'static str = "{global_pool: mean}";
}

impl LayerWords for GlobalPoolSpec {
    fn shape(&self, input: Shape) -> Result<Shape, String> {
        image(input).map(|(channels, _, _)| Shape::vector(channels))
    }

    fn build(&self, _: &str, _: Shape, _: &mut Weights) -> Result<Box<dyn Layer>> {
        Ok(Box::new(self.method))
    }
}

impl Layer for GlobalPooling {
    // x: [rows, channels, height, width]
    fn forward(&self, x: &Signal, _: &Mode) -> Result<Signal> {
        let pooling = if *self == Self::Mean { Pooling::Mean } else { Pooling::Max };
        Ok(Signal::plain(pool_all(&x.x, pooling)?))
    }

    fn emit(&self, graph: &mut Graph, x: &Wire) -> Result<Wire> {
        let reduction = if *self == Self::Mean { "ReduceMean" } else { "ReduceMax" };
        Ok(Wire::plain(operator::reduce(graph, reduction, &x.x, &[2, 3], false)))
    }
}
