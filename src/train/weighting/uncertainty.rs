//! Homoscedastic uncertainty (Kendall, Gal & Cipolla 2018): L = sum 1/2 exp(-s) L + 1/2 s with learned s.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::{Finite, Positive};

/// Homoscedastic uncertainty (Kendall, Gal & Cipolla 2018): L = sum 1/2 exp(-s) L + 1/2 s with learned s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UncertaintySpec {
    /// First value of every s. Default 0.
    #[serde(default = "nothing")]
    pub initial: Finite,
    /// Learning rate of s (Adam, no decay). Default: the optimizer's.
    #[serde(default)]
    pub rate: Option<Positive>,
}

impl Settings for UncertaintySpec {
    const EXAMPLE: &'static str = "{uncertainty: {initial: 0.0}}";
}

fn nothing() -> Finite {
    Finite::constant(0.0)
}
