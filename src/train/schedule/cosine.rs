//! Half a cosine from the full rate to the floor over all steps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Fraction;

/// Half a cosine from the full rate to the floor over all steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CosineSpec {
    /// Share of the rate that is left at the end. Default 0.
    #[serde(default = "nothing")]
    pub floor: Fraction,
}

impl Settings for CosineSpec {
    const BARE: Option<&'static str> = Some("floor");
    const EXAMPLE: &'static str = "{cosine: {floor: 0.01}}";
}

fn nothing() -> Fraction {
    Fraction::constant(0.0)
}
