//! Scores: what a metric said of one task on one split.

use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::name::TaskName;

/// Which rows: learned from, chosen by, or reported on.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    Train,
    Valid,
    Test,
}

impl Split {
    pub const ALL: [Self; 3] = [Self::Train, Self::Valid, Self::Test];

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

/// Is a larger or a smaller value the better one?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Higher,
    Lower,
}

impl Direction {
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

/// What a metric's name ends in when it is of the rows alone whose class training saw.
pub const KNOWN_CLASSES: &str = "known_classes";

/// One metric of one task on one split, over the rows whose label is present.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    pub task: TaskName,
    pub split: Split,
    pub metric: String,
    /// NaN where it is undefined on these rows, such as a ranking of rows of one class.
    #[serde(deserialize_with = "nan_of_null")]
    pub value: f64,
    pub direction: Direction,
    /// Rows whose label is present.
    pub rows: usize,
}

impl Score {
    /// The value, where there is one.
    pub fn defined(&self) -> Option<f64> {
        Some(self.value).filter(|value| value.is_finite())
    }
}

/// JSON has no NaN: what is none is written as null.
fn nan_of_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// A number that belongs to a task: a loss, a weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskValue {
    pub task: TaskName,
    pub value: f64,
}

/// What learning tasks together did to one metric of one task, measured by the same task trained alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    pub task: TaskName,
    pub split: Split,
    pub metric: String,
    pub direction: Direction,
    /// Of the joint training; `None` where it is undefined.
    pub value: Option<f64>,
    /// Of the task trained alone.
    pub baseline: Option<f64>,
    /// Relative improvement in percent, positive where joint training is better.
    pub gain: Option<f64>,
    /// Is the task's gain made of it?
    pub counts: bool,
}
