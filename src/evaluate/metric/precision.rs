//! Of the rows answered with a class, the share that has it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::evaluate::metric::Average;

/// Of the rows answered with a class, the share that has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrecisionSpec {
    /// auto (default), micro or macro.
    #[serde(default)]
    pub average: Average,
}

impl Settings for PrecisionSpec {
    const BARE: Option<&'static str> = Some("average");
    const EXAMPLE: &'static str = "{precision: {average: macro}}";
}
