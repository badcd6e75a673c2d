//! Coefficient of determination.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Coefficient of determination.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct R2Spec {
}

impl Settings for R2Spec {
    const EXAMPLE: &'static str = "r2";
}
