//! The records that the store returns, as plain data.

use serde::Serialize;

use crate::domain::event::RunState;
use crate::domain::event_source::EventSource;
use crate::domain::name::RunId;
use crate::domain::score::{Direction, Split};
use crate::domain::stage::StageKind;
use crate::store::affinity::AffinityRecord;
use crate::store::front::FrontRecord;
use crate::store::gain::GainRecords;
use crate::store::header::Environment;
use crate::store::parameter::ConfigParameter;
use crate::store::parity::ParityRecord;

/// The share of `source` in what `reader` reads at `unit`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShareRecord {
    /// The unit of the shared network, such as a level of experts.
    pub unit: String,
    /// The task or stream that reads.
    pub reader: String,
    /// The expert or stream that is read.
    pub source: String,
    /// The share; `None` if undefined.
    pub value: Option<f64>,
}

/// One line of the list of runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunListItem {
    /// Name of the run.
    pub run: RunId,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Running, finished, failed or interrupted.
    pub state: RunState,
    /// UTC, `2026-01-31T12:00:00.000Z`.
    pub started_at: String,
    /// The time of the last activity.
    pub updated_at: String,
    /// UTC; `None` while it runs.
    pub finished_at: Option<String>,
    /// Duration of all processes together; `None` while it runs.
    pub seconds: Option<f64>,
    /// Seed of the pipeline.
    pub seed: u64,
    /// Number of trials.
    pub trials: usize,
    /// Number of stages in the plan.
    pub stages: usize,
    /// Number of stages that finished.
    pub stages_done: usize,
    /// The best trial's first metric of each task on the test split.
    pub headline: Vec<ScoreRecord>,
}

/// Everything recorded about a run except its per-epoch records.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunDetail {
    /// Name of the run.
    pub run: RunId,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Description of the pipeline.
    pub description: Option<String>,
    /// Path of the pipeline file.
    pub file: String,
    /// The resolved pipeline as YAML.
    pub resolved: String,
    /// Hash of the resolved pipeline.
    pub fingerprint: Option<String>,
    /// Seed of the pipeline.
    pub seed: u64,
    /// The command line.
    pub command: Option<String>,
    /// Running, finished, failed or interrupted.
    pub state: RunState,
    /// How often it was resumed.
    pub resumes: u32,
    /// UTC.
    pub started_at: String,
    /// UTC; the last activity.
    pub updated_at: String,
    /// UTC; `None` while it runs.
    pub finished_at: Option<String>,
    /// Duration of all processes together; `None` while it runs.
    pub seconds: Option<f64>,
    /// Number of stages in the plan; `stages` has those that started.
    pub planned_stages: usize,
    /// Machine and software.
    pub environment: Environment,
    /// The stages that started.
    pub stages: Vec<StageRecord>,
    /// The tables.
    pub tables: Vec<TableRecord>,
    /// The data files.
    pub files: Vec<FileRecord>,
    /// The tasks.
    pub tasks: Vec<TaskRecord>,
    /// Missing labels.
    pub labels: Vec<LabelRecord>,
    /// The trials.
    pub trials: Vec<TrialRecord>,
    /// Scores of the trained networks.
    pub scores: Vec<ScoreRecord>,
    /// Gains over each task trained alone.
    pub gains: GainRecords,
    /// Exported models.
    pub artifacts: Vec<ArtifactRecord>,
    /// Notes for the user.
    pub notes: Vec<NoteRecord>,
    /// The settings, one per address.
    pub parameters: Vec<ConfigParameter>,
}

/// One stage of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageRecord {
    /// Name of the stage, such as `train#1`.
    pub stage: String,
    /// Kind of the stage, such as `train`.
    pub kind: String,
    /// Number of the trial; `None` for a shared stage.
    pub trial: Option<u32>,
    /// running, finished, failed, skipped or interrupted.
    pub state: String,
    /// Whether its artifact was found in the cache.
    pub cached: bool,
    /// Hash of everything it depends on.
    pub fingerprint: Option<String>,
    /// Duration.
    pub seconds: Option<f64>,
    /// Size of its artifact.
    pub bytes: Option<u64>,
    /// Why it failed or was skipped.
    pub reason: Option<String>,
}

impl StageRecord {
    /// Whether it is of this kind.
    pub fn is(&self, kind: StageKind) -> bool {
        self.kind == kind.name()
    }
}

/// One table of a run. Counts are `None` until the table is read and split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableRecord {
    /// Name of the table.
    pub data: String,
    /// Number of rows.
    pub rows: Option<usize>,
    /// Number of columns.
    pub columns: Option<usize>,
    /// Number of training rows.
    pub train: Option<usize>,
    /// Number of validation rows.
    pub valid: Option<usize>,
    /// Number of test rows.
    pub test: Option<usize>,
}

/// One data file of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileRecord {
    /// Name of its table.
    pub data: String,
    /// Path of the file.
    pub path: String,
    /// Size.
    pub bytes: u64,
    /// Hash of the content.
    pub hash: String,
}

/// One task of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskRecord {
    /// Name of the task.
    pub task: String,
    /// The table with its labels.
    pub data: String,
    /// Kind of the task, such as `binary`.
    pub kind: String,
    /// The target columns, comma-separated.
    pub target: String,
    /// Name of the loss, if the plan names one.
    pub loss: Option<String>,
}

/// Missing labels of a task on a split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelRecord {
    /// Name of the task.
    pub task: String,
    /// The split.
    pub split: Split,
    /// All rows of the split.
    pub rows: usize,
    /// Rows without a label.
    pub missing: usize,
}

/// One trial of a run. Values are `None` until they are known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialRecord {
    /// Number of the trial, from 1.
    pub trial: u32,
    /// Seed of the trial.
    pub seed: Option<u64>,
    /// Name of the device.
    pub device: Option<String>,
    /// Number of training rows.
    pub rows: Option<usize>,
    /// Number of trainable parameters.
    pub weights: Option<usize>,
    /// Maximum number of epochs.
    pub planned_epochs: Option<usize>,
    /// Steps in each epoch.
    pub steps_per_epoch: Option<usize>,
    /// Number of finished epochs.
    pub epochs: Option<usize>,
    /// The epoch whose weights are kept.
    pub best_epoch: Option<usize>,
    /// Why the training ended.
    pub stopped: Option<String>,
    /// Duration of the training.
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
    /// Agreement of the exported model with the network.
    pub parity: Option<ParityRecord>,
}

/// Gradient statistics of two tasks in an epoch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GradientRecord {
    /// First task.
    pub task: String,
    /// Second task.
    pub other: String,
    /// Cosine of the angle between the gradients; `None` if undefined.
    pub cosine: Option<f64>,
    /// Fraction of the steps with a negative cosine.
    pub conflicts: Option<f64>,
    /// Mean of 2 |a| |b| / (|a|^2 + |b|^2): 1 for gradients of equal norm.
    pub similarity: Option<f64>,
}

/// One metric of one task on one split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoreRecord {
    /// Number of the trial.
    pub trial: u32,
    /// Name of the task.
    pub task: String,
    /// The split that was scored.
    pub split: Split,
    /// Name of the metric.
    pub metric: String,
    /// `None`: undefined, for example with a single class among the rows.
    pub value: Option<f64>,
    /// Whether higher or lower is better.
    pub direction: Direction,
    /// Number of scored rows.
    pub rows: usize,
    /// The epoch whose weights were scored.
    pub epoch: usize,
    /// Lower bound of the 95 % bootstrap interval; `None`: not computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper bound of the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

/// One finished epoch of a trial.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EpochRecord {
    /// Number of the trial.
    pub trial: u32,
    /// The epoch, from 1.
    pub epoch: usize,
    /// Number of steps since the start of the training.
    pub step: usize,
    /// Mean joint loss on training rows.
    pub joint_loss: Option<f64>,
    /// Learning rate at the end of the epoch.
    pub rate: Option<f64>,
    /// Training rows per second.
    pub rows_per_second: Option<f64>,
    /// Duration, including validation.
    pub seconds: Option<f64>,
    /// The objective on validation rows.
    pub objective: Option<f64>,
    /// Whether it was the best epoch so far.
    pub best: bool,
    /// Mean training loss of each task.
    pub losses: Vec<(String, Option<f64>)>,
    /// Mean weight of each task.
    pub weights: Vec<(String, Option<f64>)>,
    /// Scores on validation rows.
    pub scores: Vec<ScoreRecord>,
}

/// A file that a run produced.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArtifactRecord {
    /// Number of the trial; `None` for a file of the whole run.
    pub trial: Option<u32>,
    /// onnx, card, weights, pipeline or report.
    pub kind: String,
    /// Relative to the runs folder.
    pub path: String,
    /// Size.
    pub bytes: Option<u64>,
    /// More about it, such as `opset 17`.
    pub detail: Option<String>,
}

/// A note for the user.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NoteRecord {
    /// What it is about: a stage, or the sweep or search.
    pub stage: String,
    /// error, warning or note.
    pub severity: String,
    /// The message.
    pub text: String,
    /// UTC.
    pub noted_at: String,
}

impl NoteRecord {
    /// The trial that the note is about, if it is about one.
    pub fn trial(&self) -> Option<u32> {
        self.stage.parse::<EventSource>().ok().and_then(|source| source.trial())
    }
}
