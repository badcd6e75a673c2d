//! Mean absolute error, in the target's unit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Mean absolute error, in the target's unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaeSpec {
}

impl Settings for MaeSpec {
    const EXAMPLE: &'static str = "mae";
}
