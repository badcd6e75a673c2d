//! Records that events carry: a pair of tasks, an epoch, an exported model, a file.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::fingerprint::Fingerprint;
use crate::domain::name::TaskName;
use crate::domain::precision::Precision;
use crate::domain::score::{Direction, Score, Split, TaskValue};

/// Numerical agreement of candle and ONNX Runtime on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parity {
    /// `false`: ONNX Runtime was not available; nothing was compared.
    pub verified: bool,
    /// Why it could not be verified.
    pub reason: Option<String>,
    /// Largest |a - b| / max(1, |b|) over all outputs and batch sizes.
    pub largest: f64,
    /// Largest allowed difference.
    pub tolerance: f64,
    /// Numbers of rows in the compared batches.
    pub batches: Vec<usize>,
    /// Each output's largest difference.
    pub outputs: Vec<OutputParity>,
    /// ONNX Runtime's version.
    pub runtime: Option<String>,
    /// The precision of the exported model.
    #[serde(default, skip_serializing_if = "Precision::is_full")]
    pub precision: Precision,
    /// The scores of a model with rounded weights, beside those of the trained network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<ExportedScore>,
}

impl Parity {
    /// Whether all differences are within the tolerance.
    pub fn holds(&self) -> bool {
        self.largest <= self.tolerance
    }

    /// Whether the model is wrong. Rounded weights may differ by more than the tolerance: their scores say
    /// what that costs. A missing output, another shape or NaN is wrong in any precision.
    pub fn is_broken(&self) -> bool {
        !self.holds() && (!self.precision.is_reduced() || self.largest.is_nan() || self.largest >= f64::MAX)
    }

    /// The output with the largest difference.
    pub fn worst(&self) -> Option<&OutputParity> {
        self.outputs.iter().max_by(|a, b| a.largest.total_cmp(&b.largest))
    }
}

/// A metric of the exported model, computed by ONNX Runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportedScore {
    /// The metric as measured.
    pub score: Score,
    /// The same metric of the trained network; `None` if that was not scored on this split.
    pub trained: Option<f64>,
}

impl ExportedScore {
    /// How much better (positive) or worse (negative) the exported model is, relative to the trained network.
    pub fn relative_change(&self) -> Option<f64> {
        relative_change(self.score.value, self.trained?, self.score.direction)
    }

    /// Whether the exported model is worse by more than [`LARGEST_FALL`] of the trained network's score; of
    /// at least 0.5 where higher is better, because shares of scores near 0 mean nothing.
    pub fn is_much_worse(&self) -> bool {
        let Some(trained) = self.trained else { return false };
        let (fall, scale) = match self.score.direction {
            Direction::Higher => (trained - self.score.value, trained.abs().max(0.5)),
            Direction::Lower => (self.score.value - trained, trained.abs()),
        };
        fall > LARGEST_FALL * scale
    }
}

/// A score that falls by a larger share after export is reported with a warning.
pub const LARGEST_FALL: f64 = 0.02;

/// (value - other) / |other| for a metric whose higher values are better, otherwise its negative; `None` for
/// division by 0 and numbers that are not finite.
pub fn relative_change(value: f64, other: f64, direction: Direction) -> Option<f64> {
    let change = (value - other) / other.abs();
    let signed = match direction {
        Direction::Higher => change,
        Direction::Lower => -change,
    };
    if value == other { Some(0.0) } else { Some(signed).filter(|change| change.is_finite()) }
}

/// How much of what `task` reads comes from `other`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskRelation {
    /// The task that reads.
    pub task: TaskName,
    /// The task that is read.
    pub other: TaskName,
    /// The learned weight.
    pub value: f64,
}

/// How much of what `reader` reads at a unit of the body comes from `source`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceShare {
    /// The unit, such as `level 1`.
    pub unit: String,
    /// A task, or `shared`.
    pub reader: String,
    /// An expert, such as `shared 2`, or a task.
    pub source: String,
    /// The share, from 0 to 1.
    pub value: f64,
}

/// Relation of two tasks' gradients, over the steps of an epoch with labels of both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradientPair {
    /// First task.
    pub task: TaskName,
    /// Second task.
    pub other: TaskName,
    /// Mean cosine similarity.
    pub cosine: f64,
    /// Fraction of the steps with a negative cosine.
    pub conflicts: f64,
    /// Mean of 2 |a| |b| / (|a|^2 + |b|^2): 1 for gradients of equal norm.
    pub similarity: f64,
    /// Number of steps with gradients of both tasks.
    pub steps: usize,
}

/// Effect of a step of one task on another task's loss, over the measurements of an epoch with labels of
/// both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affinity {
    /// The task whose step is taken.
    pub task: TaskName,
    /// The task whose loss is measured.
    pub other: TaskName,
    /// Mean of 1 - loss after / loss before: positive if the step helps.
    pub value: f64,
    /// Number of measurements.
    pub steps: usize,
    /// Each measurement: the number of steps before it, and its value.
    #[serde(default)]
    pub each: Vec<(usize, f64)>,
}

/// Scores of a network for one preference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreferenceScores {
    /// The share of each task; they sum to 1.
    pub preference: Vec<TaskValue>,
    /// `loss` and the metrics of every task.
    pub scores: Vec<Score>,
}

/// Worst acceptable value of a task's metric (a coordinate of the hypervolume's reference point).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricReference {
    /// Name of the task.
    pub task: TaskName,
    /// Name of the metric.
    pub metric: String,
    /// The worst acceptable value.
    pub value: f64,
}

/// Parity of one named output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputParity {
    /// Name of the output.
    pub output: String,
    /// The largest difference.
    pub largest: f64,
}

/// Results of a finished epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinishedEpoch {
    /// Number of the trial.
    pub trial: u32,
    /// The epoch, from 1.
    pub epoch: usize,
    /// Steps since the start of the trial.
    pub step: usize,
    /// Mean training loss per task.
    pub losses: Vec<TaskValue>,
    /// The joint loss that was minimized, including regularization.
    pub joint_loss: f64,
    /// Mean effective weight per task.
    pub weights: Vec<TaskValue>,
    /// Learning rate at the end of the epoch.
    pub rate: f64,
    /// Training rows per second.
    pub rows_per_second: f64,
    /// Duration, including validation.
    pub seconds: f64,
    /// Validation losses and metrics.
    pub scores: Vec<Score>,
    /// The value that selects the best epoch, if there are validation rows.
    pub objective: Option<f64>,
    /// Whether it is the best epoch so far.
    pub best: bool,
    /// How much each task reads from each other task, if the sharing learns it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<TaskRelation>,
    /// How much each task reads from each expert or column, if the sharing reports it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<SourceShare>,
}

/// A data file and the fingerprint of its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileContent {
    /// Path of the file.
    pub path: PathBuf,
    /// Size.
    pub bytes: u64,
    /// Hash of the content.
    pub fingerprint: Fingerprint,
}

/// Number of rows of a split without a label of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingLabels {
    /// Name of the task.
    pub task: TaskName,
    /// The split.
    pub split: Split,
    /// Rows without a label.
    pub missing: usize,
    /// All rows of the split.
    pub rows: usize,
}
