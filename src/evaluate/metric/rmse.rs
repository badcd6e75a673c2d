//! Root mean squared error, in the target's unit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Root mean squared error, in the target's unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RmseSpec {
}

impl Settings for RmseSpec {
    const EXAMPLE: &'static str = "rmse";
}
