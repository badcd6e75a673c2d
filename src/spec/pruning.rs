//! Settings of pruning: when a trial of a sweep is stopped before its last epoch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::{Settings, kinds};
use crate::domain::number::{Count, Whole};

kinds! {
    /// When a trial is stopped early.
    pub enum PruningConfig: "pruning" {
        Median: "median" => MedianConfig,
        Asha: "asha" => AshaConfig,
    }
}

/// Stops a trial whose best objective so far is worse than the median of the earlier trials at the same
/// epoch. Earlier trials are those with a smaller number that reached this epoch (the median stopping rule;
/// Golovin et al., KDD 2017, compare with finished trials only).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MedianConfig {
    /// No trial is stopped before it has trained this many epochs. Default 1.
    #[serde(default = "default_warmup_epochs")]
    pub warmup_epochs: Whole,
    /// Minimum number of earlier trials that reached the same epoch; fewer stop no trial. Default 4.
    #[serde(default = "default_minimum_trials")]
    pub minimum_trials: Count,
}

impl Settings for MedianConfig {
    const EXAMPLE: &'static str = "{median: {warmup_epochs: 1, minimum_trials: 4}}";
}

/// Asynchronous successive halving (ASHA; Li et al., "A system for massively parallel hyperparameter tuning",
/// MLSys 2020) in its early-stopping variant: a trial that reaches a rung (`minimum_epochs`, and this times
/// `reduction`, `reduction` squared, ...) continues only if its best objective is in the top 1 / `reduction`
/// of the trials with smaller numbers that reach the rung, including itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AshaConfig {
    /// One in this many trials continues at each rung; at least 2. Default 3.
    #[serde(default = "default_reduction")]
    pub reduction: Count,
    /// Number of epochs that every trial is trained for. Default 1.
    #[serde(default = "default_minimum_epochs")]
    pub minimum_epochs: Count,
}

impl Settings for AshaConfig {
    const EXAMPLE: &'static str = "{asha: {reduction: 3, minimum_epochs: 1}}";
}

fn default_warmup_epochs() -> Whole {
    Whole::constant(1)
}

fn default_minimum_trials() -> Count {
    Count::constant(4)
}

fn default_reduction() -> Count {
    Count::constant(3)
}

fn default_minimum_epochs() -> Count {
    Count::constant(1)
}
