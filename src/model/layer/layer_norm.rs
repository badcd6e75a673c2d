//! Layer normalization over the last dimension (Ba, Kiros & Hinton 2016).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Positive;

/// Layer normalization over the last dimension (Ba, Kiros & Hinton 2016).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerNormSpec {
    /// Added to the variance. Default 1e-5.
    #[serde(default = "small")]
    pub epsilon: Positive,
}

impl Settings for LayerNormSpec {
    const EXAMPLE: &'static str = "{layer_norm: {epsilon: 1.0e-5}}";
}

fn small() -> Positive {
    Positive::constant(1e-5)
}
