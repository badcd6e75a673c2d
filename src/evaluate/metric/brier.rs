//! Mean squared difference of probability and truth.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Mean squared difference of probability and truth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrierSpec {
}

impl Settings for BrierSpec {
    const EXAMPLE: &'static str = "brier";
}
