//! Settings of the objectives of a sweep.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::name::TaskName;
use crate::domain::number::Finite;
use crate::evaluate::config::MetricConfig;

/// One of several objectives of a sweep: a metric of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectiveConfig {
    /// The task.
    pub task: TaskName,
    /// One of the task's metrics. Default: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricConfig>,
    /// The coordinate of the hypervolume's reference point, such as 0.5 for an AUROC. Set it for all
    /// objectives or for none. Default: a tenth of the range of values beyond the worst value, so that
    /// hypervolumes of different sweeps are not comparable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Finite>,
}
