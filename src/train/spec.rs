//! The words of training: `train`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::name::TaskName;
use crate::domain::number::{Count, Positive};
use crate::evaluate::metric::MetricSpec;
pub use crate::model::device::DeviceSpec;
pub use crate::train::optimizer::OptimizerSpec;
use crate::train::optimizer::adamw::AdamWSpec;
pub use crate::train::regularization::RegularizationSpec;
pub use crate::train::schedule::ScheduleSpec;
pub use crate::train::weighting::WeightingSpec;

/// How weights change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainSpec {
    /// Passes over the training rows, at most. Default 20.
    pub epochs: Count,
    /// Rows per step. Default 256.
    pub batch_size: Count,
    /// Default adamw.
    pub optimizer: OptimizerSpec,
    /// Default constant.
    pub schedule: ScheduleSpec,
    /// Default none.
    pub regularization: Option<RegularizationSpec>,
    /// Scale the gradient down to this norm when it is larger. Default none.
    pub clip_norm: Option<Positive>,
    /// What the best epoch is chosen by, on the validation split.
    pub monitor: MonitorSpec,
    /// auto, cpu, cuda, cuda:N or metal. Default auto.
    pub device: DeviceSpec,
    /// When to save what is needed to go on after an interruption.
    pub checkpoint: CheckpointSpec,
    /// Begin with what an earlier run learned. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_from: Option<StartFromSpec>,
}

impl Default for TrainSpec {
    fn default() -> Self {
        Self {
            epochs: Count::constant(20),
            batch_size: Count::constant(256),
            optimizer: OptimizerSpec::AdamW(AdamWSpec::default()),
            schedule: ScheduleSpec::default(),
            regularization: None,
            clip_norm: None,
            monitor: MonitorSpec::default(),
            device: DeviceSpec::default(),
            checkpoint: CheckpointSpec::default(),
            start_from: None,
        }
    }
}

/// What the best epoch is chosen by: one task's metric, or without a task the mean over all tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorSpec {
    /// Without it, all tasks.
    pub task: Option<TaskName>,
    /// With a task: one of its metrics, by default its first. Without a task: leave it out, and the
    /// mean over tasks of the validation loss is minimised, each in units of what always answering the
    /// training rows' mean or class frequencies would cost: 1 is knowing nothing, 0 is perfect.
    pub metric: Option<MetricSpec>,
    /// Stop after this many epochs without a better one. Default: never.
    pub patience: Option<Count>,
}

/// Begin with the inputs and the trunk of an earlier run (transfer learning). Inputs are encoded as that
/// run fitted them: its vocabularies, means and classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartFromSpec {
    /// The run's name, a unique beginning of it, or a pipeline's name for its last finished run.
    pub run: String,
    /// What stays as it was: inputs, trunk. Default nothing.
    #[serde(default)]
    pub freeze: Vec<Reused>,
}

/// A part of a network that a later one can begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reused {
    /// Embeddings of categories, and the inputs' own encoders.
    Inputs,
    /// The shared layers.
    Trunk,
}

impl Reused {
    pub const ALL: [Self; 2] = [Self::Inputs, Self::Trunk];

    /// How its weights' names begin.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Inputs => "input.",
            Self::Trunk => "trunk.",
        }
    }
}

/// When to save what is needed to go on. Whichever comes first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointSpec {
    /// Steps between two checkpoints. Default none.
    pub steps: Option<Count>,
    /// Seconds between two checkpoints. Default 30.
    pub seconds: Positive,
}

impl Default for CheckpointSpec {
    fn default() -> Self {
        Self { steps: None, seconds: Positive::constant(30.0) }
    }
}
