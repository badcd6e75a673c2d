//! The words of a sweep's objectives: what its trials are weighed by, one against the other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::name::TaskName;
use crate::domain::number::Finite;
use crate::evaluate::config::MetricConfig;

/// One of several objectives of a sweep: a task's metric, whose direction is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectiveConfig {
    /// The task.
    pub task: TaskName,
    /// One of its metrics, by default its first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricConfig>,
    /// The value that the hypervolume reaches up to, such as 0.5 for an auroc. Give it to every objective or
    /// to none: by default it lies a tenth of what the settings differ in beyond the worst of them, so that
    /// hypervolumes of different sweeps are not comparable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Finite>,
}
