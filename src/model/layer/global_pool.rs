//! The layer `global_pool`: see [`GlobalPoolSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::kernel::pool::Pooling;
use crate::model::layer::{Layer, LayerWords, Module, image};
use crate::model::ops::Ops;
use crate::model::signal::Signal;
use crate::model::weights::Weights;

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

    fn build(&self, _: &str, _: Shape, _: &mut Weights) -> Result<Box<dyn Module>> {
        Ok(Box::new(self.method))
    }
}

impl Layer for GlobalPooling {
    // x: [rows, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Signal<O::Value>) -> Result<Signal<O::Value>> {
        let pooling = if *self == Self::Mean { Pooling::Mean } else { Pooling::Max };
        Ok(Signal::plain(ops.global_pool(&x.x, pooling)?))
    }
}
