//! Share of rows answered right.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Share of rows answered right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccuracySpec {
}

impl Settings for AccuracySpec {
    const EXAMPLE: &'static str = "accuracy";
}
