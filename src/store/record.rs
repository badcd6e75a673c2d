//! The records that the store returns, as plain data.

use serde::Serialize;

use crate::domain::event::{OutputParity, RunState};
use crate::domain::event_source::EventSource;
use crate::domain::name::RunId;
use crate::domain::score::{Direction, Split};
use crate::domain::stage::StageKind;
use crate::store::affinity::AffinityRecord;
use crate::store::front::FrontRecord;
use crate::store::gain::GainRecords;
use crate::store::header::Environment;
use crate::store::parameter::ConfigParameter;

/// The share of `source` in what `reader` reads at `unit`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShareRecord {
    pub unit: String,
    pub reader: String,
    pub source: String,
    pub value: Option<f64>,
}

/// One line of the list of runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunListItem {
    pub run: RunId,
    pub pipeline: String,
    pub state: RunState,
    /// UTC, `2026-01-31T12:00:00.000Z`.
    pub started_at: String,
    /// The time of the last activity.
    pub updated_at: String,
    pub finished_at: Option<String>,
    pub seconds: Option<f64>,
    pub seed: u64,
    pub trials: usize,
    pub stages: usize,
    pub stages_done: usize,
    /// The best trial's first metric of each task on the test split.
    pub headline: Vec<ScoreRecord>,
}

/// Everything recorded about a run except its per-epoch records.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunDetail {
    pub run: RunId,
    pub pipeline: String,
    pub description: Option<String>,
    pub file: String,
    /// The resolved pipeline as YAML.
    pub resolved: String,
    pub fingerprint: Option<String>,
    pub seed: u64,
    pub command: Option<String>,
    pub state: RunState,
    pub resumes: u32,
    pub started_at: String,
    pub updated_at: String,
    pub finished_at: Option<String>,
    pub seconds: Option<f64>,
    /// Number of stages in the plan; `stages` has those that started.
    pub planned_stages: usize,
    pub environment: Environment,
    pub stages: Vec<StageRecord>,
    pub tables: Vec<TableRecord>,
    pub files: Vec<FileRecord>,
    pub tasks: Vec<TaskRecord>,
    pub labels: Vec<LabelRecord>,
    pub trials: Vec<TrialRecord>,
    pub scores: Vec<ScoreRecord>,
    /// Gains over each task trained alone.
    pub gains: GainRecords,
    pub artifacts: Vec<ArtifactRecord>,
    pub notes: Vec<NoteRecord>,
    pub parameters: Vec<ConfigParameter>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageRecord {
    pub stage: String,
    pub kind: String,
    pub trial: Option<u32>,
    /// running, finished, failed, skipped or interrupted.
    pub state: String,
    pub cached: bool,
    pub fingerprint: Option<String>,
    pub seconds: Option<f64>,
    pub bytes: Option<u64>,
    pub reason: Option<String>,
}

impl StageRecord {
    pub fn is(&self, kind: StageKind) -> bool {
        self.kind == kind.name()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableRecord {
    pub data: String,
    pub rows: Option<usize>,
    pub columns: Option<usize>,
    pub train: Option<usize>,
    pub valid: Option<usize>,
    pub test: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileRecord {
    pub data: String,
    pub path: String,
    pub bytes: u64,
    pub hash: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskRecord {
    pub task: String,
    pub data: String,
    pub kind: String,
    pub target: String,
    pub loss: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelRecord {
    pub task: String,
    pub split: Split,
    pub rows: usize,
    pub missing: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialRecord {
    pub trial: u32,
    pub seed: Option<u64>,
    pub device: Option<String>,
    pub rows: Option<usize>,
    /// Number of trainable parameters.
    pub weights: Option<usize>,
    pub planned_epochs: Option<usize>,
    pub steps_per_epoch: Option<usize>,
    pub epochs: Option<usize>,
    pub best_epoch: Option<usize>,
    pub stopped: Option<String>,
    pub seconds: Option<f64>,
    /// The epoch after which the sweep pruned it.
    pub pruned: Option<usize>,
    /// The epoch and step of the last checkpoint.
    pub checkpoint: Option<(usize, usize)>,
    /// The settings that a sweep chose for it.
    pub parameters: Vec<ConfigParameter>,
    /// The loss weight of each task in the best epoch, or in the last if there is no best.
    pub task_weights: Vec<(String, Option<f64>)>,
    /// (task, other, share of other in what task reads), of the same epoch.
    pub relations: Vec<(String, String, Option<f64>)>,
    /// The shares of experts or columns, of the same epoch.
    pub shares: Vec<ShareRecord>,
    /// The gradient statistics of task pairs, of the same epoch.
    pub gradients: Vec<GradientRecord>,
    /// The effect of one task's steps on another task's loss, over the whole training.
    pub affinities: Vec<AffinityRecord>,
    /// The scores for each preference vector, of a preference-conditioned network.
    pub front: Vec<FrontRecord>,
    /// Throughput, averaged over the epochs.
    pub rows_per_second: Option<f64>,
    pub parity: Option<ParityRecord>,
}

/// Gradient statistics of two tasks in an epoch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GradientRecord {
    pub task: String,
    pub other: String,
    pub cosine: Option<f64>,
    /// Fraction of the steps with a negative cosine.
    pub conflicts: Option<f64>,
    /// Mean of 2 |a| |b| / (|a|^2 + |b|^2): 1 for gradients of equal norm.
    pub similarity: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParityRecord {
    pub verified: bool,
    pub reason: Option<String>,
    /// Largest relative difference; `None`: not compared, or NaN.
    pub largest: Option<f64>,
    pub tolerance: f64,
    pub batches: String,
    pub onnx_runtime: Option<String>,
    pub outputs: Vec<OutputParity>,
}

impl ParityRecord {
    /// Whether the model was compared and is within the tolerance.
    pub fn holds(&self) -> bool {
        self.verified && self.largest.is_some_and(|largest| largest <= self.tolerance)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoreRecord {
    pub trial: u32,
    pub task: String,
    pub split: Split,
    pub metric: String,
    /// `None`: undefined, for example with a single class among the rows.
    pub value: Option<f64>,
    pub direction: Direction,
    pub rows: usize,
    /// The epoch whose weights were scored.
    pub epoch: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EpochRecord {
    pub trial: u32,
    pub epoch: usize,
    pub step: usize,
    pub joint_loss: Option<f64>,
    pub rate: Option<f64>,
    pub rows_per_second: Option<f64>,
    pub seconds: Option<f64>,
    pub objective: Option<f64>,
    /// Whether it was the best epoch so far.
    pub best: bool,
    pub losses: Vec<(String, Option<f64>)>,
    pub weights: Vec<(String, Option<f64>)>,
    pub scores: Vec<ScoreRecord>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArtifactRecord {
    pub trial: Option<u32>,
    /// onnx, card, weights, pipeline or report.
    pub kind: String,
    /// Relative to the runs folder.
    pub path: String,
    pub bytes: Option<u64>,
    pub detail: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NoteRecord {
    pub stage: String,
    /// error, warning or note.
    pub severity: String,
    pub text: String,
    pub noted_at: String,
}

impl NoteRecord {
    /// The trial that the note is about, if it is about one.
    pub fn trial(&self) -> Option<u32> {
        self.stage.parse::<EventSource>().ok().and_then(|source| source.trial())
    }
}
