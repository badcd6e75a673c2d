//! Scores: values of metrics for a task on a split.

use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::name::TaskName;

/// The rows used for training, for model selection, or for reporting.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Rows to train on.
    Train,
    /// Rows to select epochs and settings on.
    Valid,
    /// Rows to report scores on.
    Test,
}

impl Split {
    /// All splits, in the order of tables.
    pub const ALL: [Self; 3] = [Self::Train, Self::Valid, Self::Test];

    /// The name, as in YAML and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Valid => "valid",
            Self::Test => "test",
        }
    }
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Whether higher or lower values are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Such as accuracy.
    Higher,
    /// Such as a loss.
    Lower,
}

impl Direction {
    /// The name, as in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Higher => "higher",
            Self::Lower => "lower",
        }
    }

    /// Is `value` better than `other`?
    pub fn prefers(self, value: f64, other: f64) -> bool {
        match self {
            Self::Higher => value > other,
            Self::Lower => value < other,
        }
    }
}

/// Suffix of metrics that are computed only on rows whose class occurs in training.
pub const KNOWN_CLASSES: &str = "known_classes";

/// One metric of one task on one split, over the rows with a label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Name of the task.
    pub task: TaskName,
    /// The split that was scored.
    pub split: Split,
    /// Name of the metric.
    pub metric: String,
    /// NaN if undefined on these rows, such as a ranking metric on rows of one class.
    #[serde(deserialize_with = "nan_of_null")]
    pub value: f64,
    /// Whether higher or lower is better.
    pub direction: Direction,
    /// Number of rows with a label.
    pub rows: usize,
    /// The bounds of the 95 % bootstrap interval, if it was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
}

impl Score {
    /// The value if it is finite.
    pub fn defined(&self) -> Option<f64> {
        Some(self.value).filter(|value| value.is_finite())
    }
}

/// JSON has no NaN; it is serialized as null.
fn nan_of_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// A number that belongs to a task: a loss, a weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskValue {
    /// Name of the task.
    pub task: TaskName,
    /// The number.
    pub value: f64,
}

/// Effect of joint training on one metric of one task, relative to the task trained alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// Name of the task.
    pub task: TaskName,
    /// The split that was scored.
    pub split: Split,
    /// Name of the metric.
    pub metric: String,
    /// Whether higher or lower is better.
    pub direction: Direction,
    /// Score of the joint training; `None` if undefined.
    pub value: Option<f64>,
    /// Score of the task trained alone.
    pub baseline: Option<f64>,
    /// Relative improvement in percent, positive where joint training is better.
    pub gain: Option<f64>,
    /// Is this metric part of the task's overall gain?
    pub counts: bool,
}
