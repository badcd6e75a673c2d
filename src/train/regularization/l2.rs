//! lambda sum w^2.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::NonNegative;

/// lambda sum w^2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct L2Spec {
    /// lambda.
    pub strength: NonNegative,
}

impl Settings for L2Spec {
    const BARE: Option<&'static str> = Some("strength");
    const EXAMPLE: &'static str = "{l2: 1.0e-5}";
}
