//! Mean squared error.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Mean squared error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MseSpec {
}

impl Settings for MseSpec {
    const EXAMPLE: &'static str = "mse";
}
