//! Mean recall over classes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Mean recall over classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BalancedAccuracySpec {
}

impl Settings for BalancedAccuracySpec {
    const EXAMPLE: &'static str = "balanced_accuracy";
}
