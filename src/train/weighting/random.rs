//! Random loss weighting (Lin et al. 2022): drawn anew at every step, with sum T.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;

/// Random loss weighting (Lin et al. 2022): drawn anew at every step, with sum T.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomWeightingSpec {
    /// normal (softmax of normal numbers, the default), uniform, dirichlet or bernoulli.
    #[serde(default)]
    pub distribution: Distribution,
}

impl Settings for RandomWeightingSpec {
    const BARE: Option<&'static str> = Some("distribution");
    const EXAMPLE: &'static str = "{random: {distribution: normal}}";
}

/// What random weights are drawn from, before they are scaled to sum T.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// softmax of standard normal numbers
    #[default]
    Normal,
    /// uniform numbers from 0 to 1
    Uniform,
    /// Dirichlet with every concentration 1
    Dirichlet,
    /// 0 or 1 with equal chance, drawn again when all are 0
    Bernoulli,
}
