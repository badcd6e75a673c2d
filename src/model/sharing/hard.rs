//! Every task reads the one shared trunk (Caruana 1993).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Every task reads the one shared trunk (Caruana 1993).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HardSpec {
}

impl Settings for HardSpec {
    const EXAMPLE: &'static str = "hard";
}
