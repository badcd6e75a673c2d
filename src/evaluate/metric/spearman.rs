//! Spearman's rank correlation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Spearman's rank correlation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpearmanSpec {
}

impl Settings for SpearmanSpec {
    const EXAMPLE: &'static str = "spearman";
}
