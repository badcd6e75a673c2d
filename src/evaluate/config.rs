//! The settings of `evaluate` and `tasks.*.metrics`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::{Settings, kinds};
use crate::domain::score::Split;
pub use crate::evaluate::metric::MetricConfig;

/// What is scored after training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvaluateConfig {
    /// The splits to score with the weights of the best epoch. Default all three.
    #[serde(default = "default_splits")]
    pub splits: Vec<Split>,
    /// The number of times that the test rows are drawn anew, with replacement, for a 95 % interval of every
    /// test score; 0: no intervals. Generated texts have none. Default 200.
    #[serde(default = "default_bootstrap")]
    pub bootstrap: usize,
    /// Baselines for joint training: `single_task` also trains each task alone, with the same inputs, trunk,
    /// task layers, training settings and seeds. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baselines: Option<BaselinesConfig>,
}

kinds! {
    /// Baselines for joint training.
    pub enum BaselinesConfig: "baselines" {
        SingleTask: "single_task" => SingleTaskConfig,
    }
}

/// Trains each task alone: hard sharing, no weighting, and no predictions of other tasks as inputs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SingleTaskConfig {
    /// The metrics over which a task's gain is averaged: only its first metric (first, the default), or all
    /// of them (all).
    pub metrics: TaskMetrics,
}

impl Settings for SingleTaskConfig {
    const BARE: Option<&'static str> = Some("metrics");
    const EXAMPLE: &'static str = "{single_task: {metrics: first}}";
}

/// The metrics that count towards a task's gain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskMetrics {
    /// The first metric alone.
    #[default]
    First,
    /// All metrics.
    All,
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        Self { splits: default_splits(), bootstrap: default_bootstrap(), baselines: None }
    }
}

fn default_bootstrap() -> usize {
    200
}

fn default_splits() -> Vec<Split> {
    Split::ALL.to_vec()
}
