//! Apache Arrow IPC (Feather version 2).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Apache Arrow IPC (Feather version 2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArrowSpec {
    /// Relative to the pipeline file.
    pub path: String,
}

impl Settings for ArrowSpec {
    const BARE: Option<&'static str> = Some("path");
    const EXAMPLE: &'static str = "{arrow: {path: data/rows.arrow}}";
}
