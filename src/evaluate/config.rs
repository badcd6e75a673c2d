//! The words of evaluation: `evaluate` and `tasks.*.metrics`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::{Settings, kinds};
use crate::domain::score::Split;
pub use crate::evaluate::metric::MetricConfig;

/// What is scored when training is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvaluateConfig {
    /// The splits scored with the best weights. Default all three.
    #[serde(default = "default_splits")]
    pub splits: Vec<Split>,
    /// What joint training is measured by: `single_task` also trains each task alone, with the same inputs,
    /// trunk, own layers, training and seeds. Default nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baselines: Option<BaselinesConfig>,
}

kinds! {
    /// What joint training is measured by.
    pub enum BaselinesConfig: "baselines" {
        SingleTask: "single_task" => SingleTaskConfig,
    }
}

/// Each task trained alone: hard sharing with nobody, no weights, no other task's answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SingleTaskConfig {
    /// What a task's gain is the mean over: its first metric, by which it is judged (first, the default), or
    /// all of them (all).
    pub metrics: TaskMetrics,
}

impl Settings for SingleTaskConfig {
    const BARE: Option<&'static str> = Some("metrics");
    const EXAMPLE: &'static str = "{single_task: {metrics: first}}";
}

/// The metrics a task is judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskMetrics {
    #[default]
    First,
    All,
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        Self { splits: default_splits(), baselines: None }
    }
}

fn default_splits() -> Vec<Split> {
    Split::ALL.to_vec()
}
