//! Squared within `delta`, absolute beyond (Huber 1964).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Positive;

/// Squared within `delta`, absolute beyond (Huber 1964).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HuberSpec {
    /// Where the square ends, in standardized units. Default 1.
    #[serde(default = "one")]
    pub delta: Positive,
}

impl Settings for HuberSpec {
    const BARE: Option<&'static str> = Some("delta");
    const EXAMPLE: &'static str = "{huber: {delta: 1.0}}";
}

fn one() -> Positive {
    Positive::constant(1.0)
}
