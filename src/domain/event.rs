//! What happens during a run. Work emits events; recording and showing listen.
//!
//! A stage's events are kept beside its artifact, so that a cached stage can tell its story again.

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
    /// Its artifact was there already; the events that made it follow, then `StageFinished`.
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
    /// Not done, because `because` failed.
    StageSkipped {
        stage: Stage,
        trial: Option<u32>,
        because: Stage,
    },
    /// Something a person should know.
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
    EpochFinished(FinishedEpoch),
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
        stage: Stage,
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
        points: Vec<PreferenceScores>,
        /// Up to where the front's hypervolume reaches, where the pipeline says so.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reference: Vec<MetricReference>,
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
    /// The trial it is of; `None` of what is the whole run's.
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

    /// The same as another stage tells it: what one run made, another may tell under other numbers.
    pub fn spoken_by(&self, by: &Stage) -> Self {
        let mut message = self.clone();
        match &mut message {
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
            // Of all trials.
            Self::Loaded { .. } | Self::Divided { .. } | Self::Fitted { .. } => {}
            // Told of stages, and of a run, not by them.
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
        message
    }
}
