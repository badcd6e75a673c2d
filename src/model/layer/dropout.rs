//! Sets each element to 0 with probability `rate` while training, and scales the rest by 1/(1-rate).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Rate;

/// Sets each element to 0 with probability `rate` while training, and scales the rest by 1/(1-rate).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DropoutSpec {
    /// From 0 up to but not 1.
    pub rate: Rate,
}

impl Settings for DropoutSpec {
    const BARE: Option<&'static str> = Some("rate");
    const EXAMPLE: &'static str = "{dropout: 0.5}";
}
