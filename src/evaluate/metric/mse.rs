//! Mean squared error, in the target's unit squared.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Mean squared error, in the target's unit squared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MseSpec {
}

impl Settings for MseSpec {
    const EXAMPLE: &'static str = "mse";
}
