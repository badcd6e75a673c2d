//! What happens during a run. Work emits events; recording and showing listen.
//!
//! A stage's events are kept beside its artifact, so that a cached stage can tell its story again.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::diagnostic::Severity;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::name::{PipelineName, RunId, TableName, TaskName};
use crate::domain::score::{Gain, Score, Split, TaskValue};

/// Listens to a run. Called from several threads, one event at a time per thread.
pub trait Observer: Send + Sync {
    fn observe(&self, event: &Event);

    /// An event of an earlier run, told again because its stage is cached: news to who records this
    /// run, not to who watches it.
    fn recall(&self, event: &Event) {
        self.observe(event);
    }
}

impl Observer for Vec<&dyn Observer> {
    fn observe(&self, event: &Event) {
        self.iter().for_each(|observer| observer.observe(event));
    }

    fn recall(&self, event: &Event) {
        self.iter().for_each(|observer| observer.recall(event));
    }
}

/// How a run ended, or stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Running,
    Finished,
    /// A stage failed.
    Failed,
    /// Stopped by a signal, or found dead.
    Interrupted,
}

impl RunState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

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
pub struct Relation {
    pub task: TaskName,
    pub other: TaskName,
    pub value: f64,
}

/// How much of what `reader` reads at a place of the body comes from a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
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
pub struct FrontPoint {
    /// Each task's share; they sum to 1.
    pub preference: Vec<TaskValue>,
    /// `loss` and the metrics of every task.
    pub scores: Vec<Score>,
}

/// What a task's metric has at its worst.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
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

/// One thing that happened. `trial` counts from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    RunStarted {
        run: RunId,
        pipeline: PipelineName,
        stages: usize,
        resumed: bool,
    },
    StageStarted {
        stage: String,
        trial: Option<u32>,
        fingerprint: Fingerprint,
    },
    /// Its artifact was there already; the events that made it follow, then `StageFinished`.
    StageCached {
        stage: String,
        trial: Option<u32>,
        fingerprint: Fingerprint,
    },
    StageFinished {
        stage: String,
        trial: Option<u32>,
        cached: bool,
        seconds: f64,
        bytes: u64,
    },
    StageFailed {
        stage: String,
        trial: Option<u32>,
        reason: String,
    },
    /// Not done, because `because` failed.
    StageSkipped {
        stage: String,
        trial: Option<u32>,
        because: String,
    },
    /// Something a person should know.
    Note {
        stage: String,
        severity: Severity,
        text: String,
    },
    Loaded {
        table: TableName,
        rows: usize,
        columns: usize,
        files: Vec<FileContent>,
    },
    Divided {
        table: TableName,
        train: usize,
        valid: usize,
        test: usize,
    },
    Fitted {
        table: TableName,
        inputs: usize,
        tasks: usize,
        missing: Vec<MissingLabels>,
    },
    TrainStarted {
        trial: u32,
        seed: u64,
        epochs: usize,
        steps_per_epoch: usize,
        rows: usize,
        parameters: usize,
        device: String,
        /// Step it goes on from; 0 for a fresh start.
        from_step: usize,
    },
    /// At most a few per second; for the eye only.
    Stepped {
        trial: u32,
        epoch: usize,
        step: usize,
        steps: usize,
        losses: Vec<TaskValue>,
    },
    EpochFinished {
        trial: u32,
        epoch: usize,
        /// Steps since the trial's beginning.
        step: usize,
        /// Mean training loss per task.
        losses: Vec<TaskValue>,
        /// The joint loss that was minimised, regularization and all.
        joint_loss: f64,
        /// Mean effective weight per task.
        weights: Vec<TaskValue>,
        /// Learning rate at the epoch's end.
        rate: f64,
        rows_per_second: f64,
        seconds: f64,
        /// Validation losses and metrics.
        scores: Vec<Score>,
        /// What the best epoch is chosen by, if validation rows exist.
        objective: Option<f64>,
        best: bool,
        /// How much of what a task reads is another's, where that is learned.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        relations: Vec<Relation>,
        /// How much is read of which expert or column, where the sharing says so.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        shares: Vec<Share>,
    },
    /// After `EpochFinished`, where the tasks' gradients are taken one by one.
    GradientsCompared {
        trial: u32,
        epoch: usize,
        /// Steps whose gradients cancelled, or were nothing, so that the method had no answer of its own.
        irregular: usize,
        pairs: Vec<GradientPair>,
    },
    /// After `EpochFinished`, where inter-task affinity is measured.
    AffinityMeasured {
        trial: u32,
        epoch: usize,
        pairs: Vec<Affinity>,
    },
    CheckpointSaved {
        trial: u32,
        epoch: usize,
        step: usize,
    },
    TrainFinished {
        trial: u32,
        best_epoch: usize,
        epochs: usize,
        reason: String,
        seconds: f64,
    },
    /// A search chose what the trial is to try.
    TrialChosen {
        trial: u32,
        seed: u64,
        label: String,
        /// By address.
        choices: Vec<(String, String)>,
    },
    /// Given up by the sweep after this epoch.
    TrialPruned {
        trial: u32,
        stage: String,
        epoch: usize,
        reason: String,
    },
    Scored {
        trial: u32,
        epoch: usize,
        scores: Vec<Score>,
    },
    /// What the trained network scores for each of several preferences, where it reads one.
    FrontScored {
        trial: u32,
        points: Vec<FrontPoint>,
        /// Up to where the front's hypervolume reaches, where the pipeline says so.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reference: Vec<Reference>,
    },
    /// A task was trained alone, with the seed and the words of `trial`, to measure joint training by.
    BaselineScored {
        trial: u32,
        task: TaskName,
        epoch: usize,
        epochs: usize,
        scores: Vec<Score>,
    },
    /// How much better, or worse, each metric is than with its task trained alone.
    Gained {
        trial: u32,
        gains: Vec<Gain>,
        /// The mean over tasks, in percent; a split where it is undefined is left out.
        overall: Vec<(Split, f64)>,
    },
    Exported {
        trial: u32,
        file: PathBuf,
        bytes: u64,
        opset: i64,
    },
    Verified {
        trial: u32,
        parity: Parity,
    },
    RunFinished {
        run: RunId,
        state: RunState,
        seconds: f64,
    },
}

impl Event {
    /// The same as a stage of this key and trial tells it: what one run made, another may tell under other numbers.
    pub fn told_by(&self, stage: &str, of_trial: Option<u32>) -> Self {
        let mut told = self.clone();
        if let Self::Note { stage: own, .. } = &mut told {
            *own = stage.to_owned();
        }
        let own = match &mut told {
            Self::TrainStarted { trial, .. }
            | Self::Stepped { trial, .. }
            | Self::EpochFinished { trial, .. }
            | Self::GradientsCompared { trial, .. }
            | Self::AffinityMeasured { trial, .. }
            | Self::CheckpointSaved { trial, .. }
            | Self::TrainFinished { trial, .. }
            | Self::Scored { trial, .. }
            | Self::FrontScored { trial, .. }
            | Self::BaselineScored { trial, .. }
            | Self::Gained { trial, .. }
            | Self::Exported { trial, .. }
            | Self::Verified { trial, .. } => Some(trial),
            _ => None,
        };
        if let (Some(own), Some(number)) = (own, of_trial) {
            *own = number;
        }
        told
    }
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
