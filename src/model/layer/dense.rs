//! A fully connected layer: y = x W + b, then an activation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::model::layer::activation::Activation;

/// A fully connected layer: y = x W + b, then an activation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DenseSpec {
    /// Width of the output.
    pub units: Count,
    /// Default none.
    #[serde(default)]
    pub activation: Option<Activation>,
    /// Add b? Default true.
    #[serde(default = "yes")]
    pub bias: bool,
}

impl Settings for DenseSpec {
    const BARE: Option<&'static str> = Some("units");
    const EXAMPLE: &'static str = "{dense: {units: 64, activation: relu}}";
}

fn yes() -> bool {
    true
}
