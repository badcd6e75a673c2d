//! Stochastic gradient descent, with momentum as in PyTorch: v = momentum v + g; w -= rate v.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::{Positive, Rate};

/// Stochastic gradient descent, with momentum as in PyTorch: v = momentum v + g; w -= rate v.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SgdSpec {
    /// Learning rate. Default 0.01.
    #[serde(default = "rate")]
    pub rate: Positive,
    /// From 0 up to but not 1. Default 0.
    #[serde(default = "momentum")]
    pub momentum: Rate,
    /// Look ahead: w -= rate (g + momentum v). Default false.
    #[serde(default)]
    pub nesterov: bool,
}

impl Settings for SgdSpec {
    const BARE: Option<&'static str> = Some("rate");
    const EXAMPLE: &'static str = "{sgd: {rate: 0.1, momentum: 0.9, nesterov: true}}";
}

fn rate() -> Positive {
    Positive::constant(0.01)
}

fn momentum() -> Rate {
    Rate::constant(0.0)
}
