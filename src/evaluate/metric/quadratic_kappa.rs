//! Cohen's kappa with quadratic weights.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Cohen's kappa with quadratic weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuadraticKappaSpec {
}

impl Settings for QuadraticKappaSpec {
    const EXAMPLE: &'static str = "quadratic_kappa";
}
