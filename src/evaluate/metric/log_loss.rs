//! Mean negative log probability of the truth.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Mean negative log probability of the truth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogLossSpec {
}

impl Settings for LogLossSpec {
    const EXAMPLE: &'static str = "log_loss";
}
