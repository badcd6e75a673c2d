//! What events tell of one thing in several numbers: a pair of tasks, an epoch, a written model, a file.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::fingerprint::Fingerprint;
use crate::domain::name::TaskName;
use crate::domain::score::{Score, Split, TaskValue};

/// Largest difference between candle and ONNX Runtime on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parity {
    /// `false`: ONNX Runtime could not be had; nothing was compared.
    pub verified: bool,
    /// Why it could not be verified.
    pub reason: Option<String>,
    /// Largest |a - b| / max(1, |b|) over all outputs and batch sizes.
    pub largest: f64,
    pub tolerance: f64,
    pub batches: Vec<usize>,
    pub outputs: Vec<OutputParity>,
    /// ONNX Runtime's version.
    pub runtime: Option<String>,
}

/// How much of what `task` reads is the part of `other`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskRelation {
    pub task: TaskName,
    pub other: TaskName,
    pub value: f64,
}

/// How much of what `reader` reads at a place of the body comes from a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceShare {
    /// The place: `level 1`.
    pub unit: String,
    /// A task, or `shared`.
    pub reader: String,
    /// An expert, such as `shared 2`, or a task.
    pub source: String,
    pub value: f64,
}

/// How the gradients of two tasks stand to each other, over the steps of an epoch that had labels of both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradientPair {
    pub task: TaskName,
    pub other: TaskName,
    /// Mean cosine of their angle.
    pub cosine: f64,
    /// Share of the steps with a cosine below 0.
    pub conflicts: f64,
    /// Mean of 2 |a| |b| / (|a|^2 + |b|^2): 1 for gradients of one length.
    pub similarity: f64,
    pub steps: usize,
}

/// What a step of one task does to another's loss, over the measurements of an epoch that had labels of both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affinity {
    /// Whose step.
    pub task: TaskName,
    /// Whose loss.
    pub other: TaskName,
    /// Mean of 1 - loss after / loss before: above 0, the step helps.
    pub value: f64,
    pub steps: usize,
    /// Each measurement: the steps taken before it, and its value.
    #[serde(default)]
    pub each: Vec<(usize, f64)>,
}

/// What a network scores for one preference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreferenceScores {
    /// Each task's share; they sum to 1.
    pub preference: Vec<TaskValue>,
    /// `loss` and the metrics of every task.
    pub scores: Vec<Score>,
}

/// What a task's metric has at its worst.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricReference {
    pub task: TaskName,
    pub metric: String,
    pub value: f64,
}

/// Parity of one named output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputParity {
    pub output: String,
    pub largest: f64,
}

/// An epoch of a training, when it has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinishedEpoch {
    pub trial: u32,
    pub epoch: usize,
    /// Steps since the trial's beginning.
    pub step: usize,
    /// Mean training loss per task.
    pub losses: Vec<TaskValue>,
    /// The joint loss that was minimised, regularization and all.
    pub joint_loss: f64,
    /// Mean effective weight per task.
    pub weights: Vec<TaskValue>,
    /// Learning rate at the epoch's end.
    pub rate: f64,
    pub rows_per_second: f64,
    pub seconds: f64,
    /// Validation losses and metrics.
    pub scores: Vec<Score>,
    /// What the best epoch is chosen by, if validation rows exist.
    pub objective: Option<f64>,
    pub best: bool,
    /// How much of what a task reads is another's, where that is learned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<TaskRelation>,
    /// How much is read of which expert or column, where the sharing says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<SourceShare>,
}

/// A data file, by content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileContent {
    pub path: PathBuf,
    pub bytes: u64,
    pub fingerprint: Fingerprint,
}

/// How many rows of a split lack a task's label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingLabels {
    pub task: TaskName,
    pub split: Split,
    pub missing: usize,
    pub rows: usize,
}
