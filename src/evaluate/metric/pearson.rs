//! Pearson's correlation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Pearson's correlation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PearsonSpec {
}

impl Settings for PearsonSpec {
    const EXAMPLE: &'static str = "pearson";
}
