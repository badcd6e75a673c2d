//! The words of pruning: when a trial of a sweep is given up before its last epoch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::{Settings, kinds};
use crate::domain::number::{Count, Whole};

kinds! {
    /// When a trial is given up.
    pub enum PruningConfig: "pruning" {
        Median: "median" => MedianConfig,
        Asha: "asha" => AshaConfig,
    }
}

/// Gives up a trial whose best objective so far is worse than the median of what the trials before it had by
/// the same epoch: those of smaller numbers that came as far (the median stopping rule; Golovin et al., KDD
/// 2017, who compare with finished trials alone).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MedianConfig {
    /// Epochs after which no trial is given up yet. Default 1.
    #[serde(default = "default_warmup_epochs")]
    pub warmup_epochs: Whole,
    /// Trials before it that must have come as far; the first ones are never given up. Default 4.
    #[serde(default = "default_minimum_trials")]
    pub minimum_trials: Count,
}

impl Settings for MedianConfig {
    const EXAMPLE: &'static str = "{median: {warmup_epochs: 1, minimum_trials: 4}}";
}

/// Asynchronous successive halving (Li et al., "A system for massively parallel hyperparameter tuning", MLSys
/// 2020), in the form that stops: a trial that has come to `minimum_epochs`, or `reduction`, `reduction`
/// squared, ... times as many, goes on only if its best objective is among the best one in `reduction` of it
/// and the trials of smaller numbers that come there too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AshaConfig {
    /// Of so many one goes on; 2 or more. Default 3.
    #[serde(default = "default_reduction")]
    pub reduction: Count,
    /// Epochs that every trial is trained for. Default 1.
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
