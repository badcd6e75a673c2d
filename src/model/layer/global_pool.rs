//! The layer `global_pool`: see [`GlobalPoolConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::kernel::pool::Pooling;
use crate::model::layer::{BuildLayer, Layer, Module, image};
use crate::model::ops::Ops;
use crate::model::weights::Weights;

/// Global average or max pooling: one value per channel of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GlobalPoolConfig {
    /// `mean` (default) or `max`.
    #[serde(default)]
    pub method: GlobalPooling,
}

/// Global pooling method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GlobalPooling {
    /// Mean over all pixels.
    #[default]
    Mean,
    /// Maximum over all pixels.
    Max,
}

impl Settings for GlobalPoolConfig {
    const BARE: Option<&'static str> = Some("method");
    const EXAMPLE: &'static str = "{global_pool: mean}";
}

impl BuildLayer for GlobalPoolConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        image(input).map(|(channels, _, _)| Shape::vector(channels))
    }

    fn build(&self, _: &str, _: Shape, _: &mut Weights) -> ModelResult<Box<dyn Module>> {
        Ok(Box::new(self.method))
    }
}

impl Layer for GlobalPooling {
    // x: [batch, channels, height, width]
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let pooling = if *self == Self::Mean { Pooling::Mean } else { Pooling::Max };
        Ok(Activations::plain(ops.global_pool(&x.x, pooling)?))
    }
}
