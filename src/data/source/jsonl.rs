//! One JSON object per line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// One JSON object per line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonlSpec {
    /// Relative to the pipeline file.
    pub path: String,
}

impl Settings for JsonlSpec {
    const BARE: Option<&'static str> = Some("path");
    const EXAMPLE: &'static str = "{jsonl: {path: data/rows.jsonl}}";
}
