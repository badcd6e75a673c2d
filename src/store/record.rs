//! What can be read back, as plain data.

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

/// How much of what `reader` reads at `unit` comes from `source`.
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
    /// The last sign of life.
    pub updated_at: String,
    pub finished_at: Option<String>,
    pub seconds: Option<f64>,
    pub seed: u64,
    pub trials: usize,
    pub stages: usize,
    pub stages_done: usize,
    /// The first metric of each task on the test split, of the best trial.
    pub headline: Vec<ScoreRecord>,
}

/// Everything recorded about a run but its curves.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunDetail {
    pub run: RunId,
    pub pipeline: String,
    pub description: Option<String>,
    pub file: String,
    /// The pipeline as resolved, YAML.
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
    /// Stages of the plan; `stages` has those that were begun.
    pub planned_stages: usize,
    pub environment: Environment,
    pub stages: Vec<StageRecord>,
    pub tables: Vec<TableRecord>,
    pub files: Vec<FileRecord>,
    pub tasks: Vec<TaskRecord>,
    pub labels: Vec<LabelRecord>,
    pub trials: Vec<TrialRecord>,
    pub scores: Vec<ScoreRecord>,
    /// Against each task trained alone.
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
    /// Trained numbers of the network.
    pub weights: Option<usize>,
    pub planned_epochs: Option<usize>,
    pub steps_per_epoch: Option<usize>,
    pub epochs: Option<usize>,
    pub best_epoch: Option<usize>,
    pub stopped: Option<String>,
    pub seconds: Option<f64>,
    /// The epoch after which its sweep gave it up.
    pub pruned: Option<usize>,
    /// The epoch and step of the last checkpoint.
    pub checkpoint: Option<(usize, usize)>,
    /// Settings of its own.
    pub parameters: Vec<ConfigParameter>,
    /// Weights of the tasks' losses in the best epoch, else in the last.
    pub task_weights: Vec<(String, Option<f64>)>,
    /// How much of what a task reads is another's, in the best epoch, else in the last: task, other, share.
    pub relations: Vec<(String, String, Option<f64>)>,
    /// How much is read of which expert or column, in the best epoch, else in the last.
    pub shares: Vec<ShareRecord>,
    /// How the tasks' gradients stood to each other, in the best epoch, else in the last.
    pub gradients: Vec<GradientRecord>,
    /// What a step of one task does to another's loss, over the whole training.
    pub affinities: Vec<AffinityRecord>,
    /// What its network scores for each of several preferences, where it reads one.
    pub front: Vec<FrontRecord>,
    /// Rows per second, mean over its epochs.
    pub rows_per_second: Option<f64>,
    pub parity: Option<ParityRecord>,
}

/// How the gradients of two tasks stood to each other in an epoch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GradientRecord {
    pub task: String,
    pub other: String,
    pub cosine: Option<f64>,
    /// Share of the steps with a cosine below 0.
    pub conflicts: Option<f64>,
    /// 1 for gradients of one length.
    pub similarity: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParityRecord {
    pub verified: bool,
    pub reason: Option<String>,
    /// `None`: not compared, or not a number.
    pub largest: Option<f64>,
    pub tolerance: f64,
    pub batches: String,
    pub onnx_runtime: Option<String>,
    pub outputs: Vec<OutputParity>,
}

impl ParityRecord {
    /// Was it compared, and is it within tolerance?
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
    /// `None`: undefined, for instance only one class among the rows.
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
    /// The best so far, when it ended.
    pub best: bool,
    pub losses: Vec<(String, Option<f64>)>,
    pub weights: Vec<(String, Option<f64>)>,
    pub scores: Vec<ScoreRecord>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArtifactRecord {
    pub trial: Option<u32>,
    /// onnx, card, weights, pipeline, report.
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
    /// The trial it is of, where it is one trial's.
    pub fn trial(&self) -> Option<u32> {
        self.stage.parse::<EventSource>().ok().and_then(|speaker| speaker.trial())
    }
}
