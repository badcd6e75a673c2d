//! Events of a run. The work emits events; recorders and displays observe them.
//!
//! The events of a stage are stored beside its artifact, so that a cached stage can replay them.

mod fact;
mod observer;
mod run_state;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::confusion::ConfusionMatrix;
use crate::domain::diagnostic::Severity;
pub use crate::domain::event::fact::{
    Affinity, ExportedScore, FileContent, FinishedEpoch, GradientPair, LARGEST_FALL, MetricReference,
    MissingLabels, OutputParity, Parity, PreferenceScores, SourceShare, TaskRelation, relative_change,
};
pub use crate::domain::event::observer::Observer;
pub use crate::domain::event::run_state::RunState;
use crate::domain::event_source::EventSource;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::name::{InputName, PipelineName, RunId, TableName, TaskName};
use crate::domain::score::{Gain, Score, Split, TaskValue};
use crate::domain::stage::Stage;

/// One thing that happened. `trial` counts from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run starts or resumes.
    RunStarted {
        /// Name of the run.
        run: RunId,
        /// Name of the pipeline.
        pipeline: PipelineName,
        /// Number of stages in the plan.
        stages: usize,
        /// Whether an earlier process began it.
        resumed: bool,
    },
    /// A stage starts.
    StageStarted {
        /// The stage.
        stage: Stage,
        /// Its trial; none for a stage shared by all.
        trial: Option<u32>,
        /// Hash of everything its result depends on.
        fingerprint: Fingerprint,
    },
    /// The artifact already exists; the events that created it follow, then `StageFinished`.
    StageCached {
        /// The stage.
        stage: Stage,
        /// Its trial; none for a stage shared by all.
        trial: Option<u32>,
        /// Hash of everything its result depends on.
        fingerprint: Fingerprint,
    },
    /// A stage finished.
    StageFinished {
        /// The stage.
        stage: Stage,
        /// Its trial; none for a stage shared by all.
        trial: Option<u32>,
        /// Whether its artifact was found in the cache.
        cached: bool,
        /// Duration.
        seconds: f64,
        /// Size of its artifact.
        bytes: u64,
    },
    /// A stage failed.
    StageFailed {
        /// The stage.
        stage: Stage,
        /// Its trial; none for a stage shared by all.
        trial: Option<u32>,
        /// The error message.
        reason: String,
    },
    /// Skipped because the stage `because` failed.
    StageSkipped {
        /// The stage.
        stage: Stage,
        /// Its trial; none for a stage shared by all.
        trial: Option<u32>,
        /// The failed stage.
        because: Stage,
    },
    /// A message for the user.
    Note {
        /// What the message is about.
        stage: EventSource,
        /// Error or warning.
        severity: Severity,
        /// The message.
        text: String,
    },
    /// A table was read.
    Loaded {
        /// Name of the table.
        table: TableName,
        /// Number of rows.
        rows: usize,
        /// Number of columns.
        columns: usize,
        /// The files it was read from.
        files: Vec<FileContent>,
    },
    /// The rows of a table were split.
    Divided {
        /// Name of the table.
        table: TableName,
        /// Number of training rows.
        train: usize,
        /// Number of validation rows.
        valid: usize,
        /// Number of test rows.
        test: usize,
    },
    /// Inputs and targets were fitted on a table's training rows.
    Fitted {
        /// Name of the table.
        table: TableName,
        /// Number of inputs.
        inputs: usize,
        /// Number of tasks with labels in this table.
        tasks: usize,
        /// Missing labels per task and split.
        missing: Vec<MissingLabels>,
    },
    /// The training of a trial starts.
    TrainStarted {
        /// Number of the trial.
        trial: u32,
        /// Seed of the trial.
        seed: u64,
        /// Maximum number of epochs.
        epochs: usize,
        /// Steps in each epoch.
        steps_per_epoch: usize,
        /// Number of training rows.
        rows: usize,
        /// Number of trainable parameters.
        parameters: usize,
        /// Name of the device.
        device: String,
        /// The step it resumes at; 0 for a fresh start.
        from_step: usize,
    },
    /// Progress for the display only; at most a few per second.
    Stepped {
        /// Number of the trial.
        trial: u32,
        /// The current epoch, from 1.
        epoch: usize,
        /// Finished steps of the epoch.
        step: usize,
        /// All steps of the epoch.
        steps: usize,
        /// Training loss of each task in this step.
        losses: Vec<TaskValue>,
    },
    /// Progress of the stage `features` for the display only; at most a few per second.
    Featured {
        /// The input.
        input: InputName,
        /// Finished rows of a table.
        rows: usize,
        /// All rows of the table.
        of: usize,
    },
    /// An epoch finished, including its validation.
    EpochFinished(FinishedEpoch),
    /// Follows `EpochFinished` if the gradients of the tasks are computed separately.
    GradientsCompared {
        /// Number of the trial.
        trial: u32,
        /// The epoch, from 1.
        epoch: usize,
        /// Steps whose gradients cancelled or were zero, so that the method had no solution.
        irregular: usize,
        /// All pairs of tasks.
        pairs: Vec<GradientPair>,
    },
    /// Follows `EpochFinished` if inter-task affinity is measured.
    AffinityMeasured {
        /// Number of the trial.
        trial: u32,
        /// The epoch, from 1.
        epoch: usize,
        /// All ordered pairs of tasks.
        pairs: Vec<Affinity>,
    },
    /// A checkpoint was written.
    CheckpointSaved {
        /// Number of the trial.
        trial: u32,
        /// The epoch, from 1.
        epoch: usize,
        /// Finished steps since the start of the training.
        step: usize,
    },
    /// The training of a trial ended.
    TrainFinished {
        /// Number of the trial.
        trial: u32,
        /// The epoch whose weights are kept.
        best_epoch: usize,
        /// Number of finished epochs.
        epochs: usize,
        /// Why it ended.
        reason: String,
        /// Duration.
        seconds: f64,
    },
    /// A search chose the settings of a trial.
    TrialChosen {
        /// Number of the trial.
        trial: u32,
        /// Seed of the trial.
        seed: u64,
        /// The chosen settings, for display.
        label: String,
        /// Setting path and value.
        choices: Vec<(String, String)>,
    },
    /// The sweep stopped the trial after this epoch.
    TrialPruned {
        /// Number of the trial.
        trial: u32,
        /// The training that was stopped.
        stage: Stage,
        /// The last finished epoch.
        epoch: usize,
        /// Why it was stopped.
        reason: String,
    },
    /// A trained network was scored.
    Scored {
        /// Number of the trial.
        trial: u32,
        /// The epoch of its weights.
        epoch: usize,
        /// Every metric of every task and split.
        scores: Vec<Score>,
        /// The confusion matrices of tasks with classes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        confusions: Vec<ConfusionMatrix>,
    },
    /// Scores of the trained network for several preferences.
    FrontScored {
        /// Number of the trial.
        trial: u32,
        /// The scores of each preference vector.
        points: Vec<PreferenceScores>,
        /// Reference point of the hypervolume, if configured.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reference: Vec<MetricReference>,
    },
    /// A task was trained alone with the seed and settings of `trial`, as a baseline of joint training.
    BaselineScored {
        /// Number of the trial.
        trial: u32,
        /// The task that was trained.
        task: TaskName,
        /// The epoch of its weights.
        epoch: usize,
        /// Number of finished epochs.
        epochs: usize,
        /// Every metric of every split.
        scores: Vec<Score>,
    },
    /// Improvement of each metric over the task trained alone.
    Gained {
        /// Number of the trial.
        trial: u32,
        /// One gain per metric and split.
        gains: Vec<Gain>,
        /// Mean over tasks in percent; splits where it is undefined are omitted.
        overall: Vec<(Split, f64)>,
    },
    /// An ONNX model was written.
    Exported {
        /// Number of the trial.
        trial: u32,
        /// Path of the model.
        file: PathBuf,
        /// Size of the model.
        bytes: u64,
        /// Version of the operator set.
        opset: i64,
        /// The precision of a model with rounded weights, and what was rounded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rounding: Option<String>,
    },
    /// An ONNX model was compared with the trained network.
    Verified {
        /// Number of the trial.
        trial: u32,
        /// The largest differences.
        parity: Parity,
    },
    /// The run ended.
    RunFinished {
        /// Name of the run.
        run: RunId,
        /// How it ended.
        state: RunState,
        /// Duration of this process's part.
        seconds: f64,
    },
}

impl Event {
    /// The trial of the event; `None` if it concerns the whole run.
    pub fn trial(&self) -> Option<u32> {
        match self {
            Self::TrainStarted { trial, .. }
            | Self::Stepped { trial, .. }
            | Self::EpochFinished(FinishedEpoch { trial, .. })
            | Self::GradientsCompared { trial, .. }
            | Self::AffinityMeasured { trial, .. }
            | Self::CheckpointSaved { trial, .. }
            | Self::TrainFinished { trial, .. }
            | Self::TrialChosen { trial, .. }
            | Self::TrialPruned { trial, .. }
            | Self::Scored { trial, .. }
            | Self::FrontScored { trial, .. }
            | Self::BaselineScored { trial, .. }
            | Self::Gained { trial, .. }
            | Self::Exported { trial, .. }
            | Self::Verified { trial, .. } => Some(*trial),
            Self::StageStarted { trial, .. }
            | Self::StageCached { trial, .. }
            | Self::StageFinished { trial, .. }
            | Self::StageFailed { trial, .. }
            | Self::StageSkipped { trial, .. } => *trial,
            Self::Note { stage, .. } => stage.trial(),
            Self::RunStarted { .. }
            | Self::Loaded { .. }
            | Self::Divided { .. }
            | Self::Fitted { .. }
            | Self::Featured { .. }
            | Self::RunFinished { .. } => None,
        }
    }

    /// The same event attributed to another stage: a run may reuse an artifact under another trial number.
    pub fn attributed_to(&self, by: &Stage) -> Self {
        let mut event = self.clone();
        match &mut event {
            Self::Note { stage, .. } => *stage = by.clone().into(),
            Self::TrainStarted { trial, .. }
            | Self::Stepped { trial, .. }
            | Self::EpochFinished(FinishedEpoch { trial, .. })
            | Self::GradientsCompared { trial, .. }
            | Self::AffinityMeasured { trial, .. }
            | Self::CheckpointSaved { trial, .. }
            | Self::TrainFinished { trial, .. }
            | Self::Scored { trial, .. }
            | Self::FrontScored { trial, .. }
            | Self::BaselineScored { trial, .. }
            | Self::Gained { trial, .. }
            | Self::Exported { trial, .. }
            | Self::Verified { trial, .. } => *trial = by.trial.unwrap_or(*trial),
            // Shared by all trials.
            Self::Loaded { .. } | Self::Divided { .. } | Self::Fitted { .. } | Self::Featured { .. } => {}
            // Emitted about stages and runs, not by a stage.
            Self::RunStarted { .. }
            | Self::StageStarted { .. }
            | Self::StageCached { .. }
            | Self::StageFinished { .. }
            | Self::StageFailed { .. }
            | Self::StageSkipped { .. }
            | Self::TrialChosen { .. }
            | Self::TrialPruned { .. }
            | Self::RunFinished { .. } => {}
        }
        event
    }
}
