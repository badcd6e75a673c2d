//! The layer `mark`: see [`MarkSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::name::MarkName;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::layer::{Layer, LayerWords, Module};
use crate::model::ops::Ops;
use crate::model::signal::Signal;
use crate::model::weights::Weights;

/// Names this point of the trunk, so that a task can read `from` it; changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkSpec {
    /// The point's name.
    pub name: MarkName,
}

impl Settings for MarkSpec {
    const BARE: Option<&'static str> = Some("name");
    const EXAMPLE: &'static str = "{mark: shallow}";
}

impl LayerWords for MarkSpec {
    fn shape(&self, input: Shape) -> Result<Shape, String> {
        Ok(input)
    }

    fn build(&self, _: &str, _: Shape, _: &mut Weights) -> Result<Box<dyn Module>> {
        Ok(Box::new(Mark))
    }
}

/// Gives what it takes; the stack it stands in remembers the point.
struct Mark;

impl Layer for Mark {
    fn apply<O: Ops>(&self, _: &mut O, x: &Signal<O::Value>) -> Result<Signal<O::Value>> {
        Ok(x.clone())
    }
}
