//! The sampling `annealed`: see [`AnnealedConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::sampling::Sampling;
use crate::domain::choice_config::Settings;
use crate::domain::number::NonNegative;

/// Draws tables in proportion to a power of their rows; the exponent changes linearly from epoch to epoch,
/// from proportional to nearly uniform (Stickland and Murray 2019, BERT and PALs). An epoch has as many
/// batches as all tables together.
///
/// p ~ n ^ a, a = from + (to - from) e / (E - 1), e = 0 ... E - 1
///
/// `sampling: {annealed: {from: 1, to: 0.2}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnnealedConfig {
    /// The exponent in the first epoch. Default 1.
    #[serde(default = "default_from")]
    pub from: NonNegative,
    /// The exponent in the last epoch. Default 0.2.
    #[serde(default = "default_to")]
    pub to: NonNegative,
}

fn default_from() -> NonNegative {
    NonNegative::constant(1.0)
}

fn default_to() -> NonNegative {
    NonNegative::constant(0.2)
}

impl Settings for AnnealedConfig {
    const EXAMPLE: &'static str = "{annealed: {from: 1, to: 0.2}}";
}

impl Sampling for AnnealedConfig {
    fn weight(&self, rows: usize, progress: f64) -> f64 {
        let (from, to) = (self.from.get(), self.to.get());
        (rows as f64).powf(from + (to - from) * progress)
    }
}
