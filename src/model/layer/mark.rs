//! Names this point of the trunk, so that a task can read `from` it; changes nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::name::MarkName;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::layer::{Layer, LayerWords};
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::Weights;
use crate::onnx::graph::Graph;

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

    fn build(&self, _: &str, _: Shape, _: &mut Weights) -> Result<Box<dyn Layer>> {
        Ok(Box::new(Mark))
    }
}

/// Gives what it takes; the stack it stands in remembers the point.
struct Mark;

impl Layer for Mark {
    fn forward(&self, x: &Signal, _: &Mode) -> Result<Signal> {
        Ok(x.clone())
    }

    fn emit(&self, _: &mut Graph, x: &Wire) -> Result<Wire> {
        Ok(x.clone())
    }
}
