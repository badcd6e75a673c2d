//! Batch normalization over the rows of a batch (Ioffe & Szegedy 2015).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::{Fraction, Positive};

/// Batch normalization over the rows of a batch (Ioffe & Szegedy 2015).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchNormSpec {
    /// Share of the new batch in the running statistics. Default 0.1.
    #[serde(default = "tenth")]
    pub momentum: Fraction,
    /// Added to the variance. Default 1e-5.
    #[serde(default = "small")]
    pub epsilon: Positive,
}

impl Settings for BatchNormSpec {
    const EXAMPLE: &'static str = "{batch_norm: {momentum: 0.1}}";
}

fn tenth() -> Fraction {
    Fraction::constant(0.1)
}

fn small() -> Positive {
    Positive::constant(1e-5)
}
