//! Harmonic mean of precision and recall.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::evaluate::metric::Average;

/// Harmonic mean of precision and recall.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct F1Spec {
    /// auto (default), micro or macro.
    #[serde(default)]
    pub average: Average,
}

impl Settings for F1Spec {
    const BARE: Option<&'static str> = Some("average");
    const EXAMPLE: &'static str = "{f1: {average: macro}}";
}
