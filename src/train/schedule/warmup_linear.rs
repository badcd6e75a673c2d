//! A straight rise over `warmup` steps, then a straight fall to the floor.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::{Fraction, Whole};

/// A straight rise over `warmup` steps, then a straight fall to the floor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarmupLinearSpec {
    /// Steps from 0 to the full rate.
    pub warmup: Whole,
    /// Share of the rate that is left at the end. Default 0.
    #[serde(default = "nothing")]
    pub floor: Fraction,
}

impl Settings for WarmupLinearSpec {
    const BARE: Option<&'static str> = Some("warmup");
    const EXAMPLE: &'static str = "{warmup_linear: {warmup: 200}}";
}

fn nothing() -> Fraction {
    Fraction::constant(0.0)
}
