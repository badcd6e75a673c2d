//! The layer `mark`: see [`MarkConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::name::MarkName;
use crate::domain::shape::Shape;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::layer::{BuildLayer, Layer, Module};
use crate::model::ops::Ops;
use crate::model::weights::Weights;

/// Names this point of the trunk, so that tasks can read `from` it. It does not change its input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkConfig {
    /// Name of the point.
    pub name: MarkName,
}

impl Settings for MarkConfig {
    const BARE: Option<&'static str> = Some("name");
    const EXAMPLE: &'static str = "{mark: shallow}";
}

impl BuildLayer for MarkConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        Ok(input)
    }

    fn build(&self, _: &str, _: Shape, _: &mut Weights) -> ModelResult<Box<dyn Module>> {
        Ok(Box::new(MarkLayer))
    }
}

/// The identity; the stack keeps the activations at this point.
struct MarkLayer;

impl Layer for MarkLayer {
    fn apply<O: Ops>(&self, _: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        Ok(x.clone())
    }
}
