//! Dynamic weight average (Liu, Johns & Davison 2019): w = T softmax(r / temperature) of the ratios r of the last two epochs' mean losses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Positive;

/// Dynamic weight average (Liu, Johns & Davison 2019): w = T softmax(r / temperature) of the ratios r of the last two epochs' mean losses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DwaSpec {
    /// Default 2.
    #[serde(default = "two")]
    pub temperature: Positive,
}

impl Settings for DwaSpec {
    const BARE: Option<&'static str> = Some("temperature");
    const EXAMPLE: &'static str = "{dwa: {temperature: 2.0}}";
}

fn two() -> Positive {
    Positive::constant(2.0)
}
