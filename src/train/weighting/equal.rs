//! Every task counts 1: the joint loss is the plain sum.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Every task counts 1: the joint loss is the plain sum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EqualSpec {
}

impl Settings for EqualSpec {
    const EXAMPLE: &'static str = "equal";
}
