//! Events of a run. The work emits events; recorders and displays observe them.
//!
//! The events of a stage are stored beside its artifact, so that a cached stage can replay them.

mod fact;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::diagnostic::Severity;
pub use crate::domain::event::fact::{
    Affinity, FileContent, FinishedEpoch, GradientPair, MetricReference, MissingLabels, OutputParity, Parity,
    PreferenceScores, SourceShare, TaskRelation,
};
use crate::domain::event_source::EventSource;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::name::{PipelineName, RunId, TableName, TaskName};
use crate::domain::score::{Gain, Score, Split, TaskValue};
use crate::domain::stage::Stage;

/// Observes a run. Called from several threads, one event at a time per thread.
pub trait Observer: Send + Sync {
    fn observe(&self, event: &Event);

    /// An event of an earlier run, replayed because its stage is cached: it belongs in the records of this
    /// run, but is not live progress.
    fn replay(&self, event: &Event) {
        self.observe(event);
    }
}

impl Observer for Vec<&dyn Observer> {
    fn observe(&self, event: &Event) {
        self.iter().for_each(|observer| observer.observe(event));
    }

    fn replay(&self, event: &Event) {
        self.iter().for_each(|observer| observer.replay(event));
    }
}

/// State of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Running,
    Finished,
    /// A stage failed.
    Failed,
    /// Stopped by a signal, or its process is dead.
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
        stage: Stage,
        trial: Option<u32>,
        fingerprint: Fingerprint,
    },
    /// The artifact already exists; the events that created it follow, then `StageFinished`.
    StageCached {
        stage: Stage,
        trial: Option<u32>,
        fingerprint: Fingerprint,
    },
    StageFinished {
        stage: Stage,
        trial: Option<u32>,
        cached: bool,
        seconds: f64,
        bytes: u64,
    },
    StageFailed {
        stage: Stage,
        trial: Option<u32>,
        reason: String,
    },
    /// Skipped because the stage `because` failed.
    StageSkipped {
        stage: Stage,
        trial: Option<u32>,
        because: Stage,
    },
    /// A message for the user.
    Note {
        stage: EventSource,
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
        /// The step it resumes at; 0 for a fresh start.
        from_step: usize,
    },
    /// Progress for the display only; at most a few per second.
    Stepped {
        trial: u32,
        epoch: usize,
        step: usize,
        steps: usize,
        losses: Vec<TaskValue>,
    },
    EpochFinished(FinishedEpoch),
    /// Follows `EpochFinished` if the gradients of the tasks are computed separately.
    GradientsCompared {
        trial: u32,
        epoch: usize,
        /// Steps whose gradients cancelled or were zero, so that the method had no solution.
        irregular: usize,
        pairs: Vec<GradientPair>,
    },
    /// Follows `EpochFinished` if inter-task affinity is measured.
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
    /// A search chose the settings of a trial.
    TrialChosen {
        trial: u32,
        seed: u64,
        label: String,
        /// Setting path and value.
        choices: Vec<(String, String)>,
    },
    /// The sweep stopped the trial after this epoch.
    TrialPruned {
        trial: u32,
        stage: Stage,
        epoch: usize,
        reason: String,
    },
    Scored {
        trial: u32,
        epoch: usize,
        scores: Vec<Score>,
    },
    /// Scores of the trained network for several preferences.
    FrontScored {
        trial: u32,
        points: Vec<PreferenceScores>,
        /// Reference point of the hypervolume, if configured.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reference: Vec<MetricReference>,
    },
    /// A task was trained alone with the seed and settings of `trial`, as a baseline of joint training.
    BaselineScored {
        trial: u32,
        task: TaskName,
        epoch: usize,
        epochs: usize,
        scores: Vec<Score>,
    },
    /// Improvement of each metric over the task trained alone.
    Gained {
        trial: u32,
        gains: Vec<Gain>,
        /// Mean over tasks in percent; splits where it is undefined are omitted.
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
            Self::Loaded { .. } | Self::Divided { .. } | Self::Fitted { .. } => {}
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
