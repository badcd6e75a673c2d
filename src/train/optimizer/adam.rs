//! Adam (Kingma & Ba 2015).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::{Positive, Rate};

/// Adam (Kingma & Ba 2015).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdamSpec {
    /// Learning rate. Default 1e-3.
    #[serde(default = "rate")]
    pub rate: Positive,
    /// Decay of the first moment. Default 0.9.
    #[serde(default = "beta1")]
    pub beta1: Rate,
    /// Decay of the second moment. Default 0.999.
    #[serde(default = "beta2")]
    pub beta2: Rate,
    /// Added to the root. Default 1e-8.
    #[serde(default = "epsilon")]
    pub epsilon: Positive,
}

impl Settings for AdamSpec {
    const BARE: Option<&'static str> = Some("rate");
    const EXAMPLE: &'static str = "{adam: {rate: 1.0e-3}}";
}

fn rate() -> Positive {
    Positive::constant(1e-3)
}

fn beta1() -> Rate {
    Rate::constant(0.9)
}

fn beta2() -> Rate {
    Rate::constant(0.999)
}

fn epsilon() -> Positive {
    Positive::constant(1e-8)
}
