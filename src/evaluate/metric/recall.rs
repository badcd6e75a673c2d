//! Of the rows that have a class, the share answered with it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::evaluate::metric::Average;

/// Of the rows that have a class, the share answered with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecallSpec {
    /// auto (default), micro or macro.
    #[serde(default)]
    pub average: Average,
}

impl Settings for RecallSpec {
    const BARE: Option<&'static str> = Some("average");
    const EXAMPLE: &'static str = "{recall: {average: macro}}";
}
