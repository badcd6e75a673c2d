//! x + layers(x); a projection is added when the widths differ.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::model::layer::LayerSpec;

/// x + layers(x); a projection is added when the widths differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResidualSpec {
    /// The layers around which x is carried.
    pub layers: Vec<LayerSpec>,
}

impl Settings for ResidualSpec {
    const BARE: Option<&'static str> = Some("layers");
    const EXAMPLE: &'static str = "{residual: [{dense: {units: 64, activation: relu}}, {dense: 64}]}";
}
