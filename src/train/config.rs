//! The words of training: `train`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::name::TaskName;
use crate::domain::number::{Count, Positive};
use crate::evaluate::metric::MetricConfig;
pub use crate::model::device::DeviceConfig;
pub use crate::train::optimizer::OptimizerConfig;
use crate::train::optimizer::adamw::AdamWConfig;
pub use crate::train::regularization::RegularizationConfig;
pub use crate::train::schedule::ScheduleConfig;
pub use crate::train::weighting::cosmos::CosmosConfig;
pub use crate::train::weighting::preference::ScalarizationConfig;
pub use crate::train::weighting::{BalanceConfig, WeightingConfig};

/// How weights change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Passes over the training rows, at most. Default 20.
    pub epochs: Count,
    /// Rows per step. Default 256.
    pub batch_size: Count,
    /// Default adamw.
    pub optimizer: OptimizerConfig,
    /// Default constant.
    pub schedule: ScheduleConfig,
    /// Default none.
    pub regularization: Option<RegularizationConfig>,
    /// Scale the gradient down to this norm when it is larger. Default none.
    pub clip_norm: Option<Positive>,
    /// How gradient methods take the tasks' gradients.
    pub gradients: GradientsConfig,
    /// Measure what a step of each task would do to the others' losses; nothing that is learned depends on
    /// it. Default never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<AffinityConfig>,
    /// What the best epoch is chosen by, on the validation split.
    pub monitor: MonitorConfig,
    /// auto, cpu, cuda, cuda:N or metal. Default auto.
    pub device: DeviceConfig,
    /// When to save what is needed to go on after an interruption.
    pub checkpoint: CheckpointConfig,
    /// Begin with what an earlier run learned. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_from: Option<StartFromConfig>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: Count::constant(20),
            batch_size: Count::constant(256),
            optimizer: OptimizerConfig::AdamW(AdamWConfig::default()),
            schedule: ScheduleConfig::default(),
            regularization: None,
            clip_norm: None,
            gradients: GradientsConfig::default(),
            affinity: None,
            monitor: MonitorConfig::default(),
            device: DeviceConfig::default(),
            checkpoint: CheckpointConfig::default(),
            start_from: None,
        }
    }
}

/// How gradient methods take the tasks' gradients, and what becomes of their weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GradientsConfig {
    /// Of the shared weights (parameters, the default), or of the point that all tasks read (representation):
    /// one pass through the trunk instead of one per task, for methods that allow it.
    pub at: GradientsAt,
    /// Sum the dot products of the shared weights' gradients a layer at a time: no more than one layer's
    /// gradients of every task are held at once, for one more pass through the trunk. The same steps but for
    /// rounding. For methods that need dot products alone. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub by_layer: bool,
    /// What a method's weights are scaled to: none (as it answers, the default), sum_to_tasks, sum_to_one or
    /// norm_of_mean (the step is as long as the mean gradient).
    pub scale: GradientScale,
    /// Do a method's weights hold for tasks' own layers too? unweighted or weighted; by default as the method
    /// has it: weighted for gradnorm, unweighted for the others.
    pub heads: Option<HeadGradients>,
    /// Compare the tasks' gradients even if no gradient method needs them; costs a pass through the trunk per
    /// task. Default false.
    pub observe: bool,
}

// A training without it has the fingerprint it always had.
fn is_false(value: &bool) -> bool {
    !value
}

/// How often inter-task affinity is measured (Fifty et al. 2021): each task in turn moves the shared weights
/// by a plain gradient step, every task's loss of the same batch is taken again, and the weights are put
/// back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AffinityConfig {
    /// Steps between two measurements; each costs about twice as many passes as there are tasks. Default 10.
    pub every: Count,
}

impl Default for AffinityConfig {
    fn default() -> Self {
        Self { every: Count::constant(10) }
    }
}

/// Where gradients are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GradientsAt {
    /// of the shared weights
    #[default]
    Parameters,
    /// of the point that all tasks read
    Representation,
}

/// What a gradient method's weights are scaled to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GradientScale {
    #[default]
    None,
    /// the number of the batch's tasks
    SumToTasks,
    SumToOne,
    /// the step is as long as the mean gradient
    NormOfMean,
}

/// What tasks' own layers learn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeadGradients {
    /// their loss, as a weighting of losses has it
    Unweighted,
    /// that times the gradient method's weight
    Weighted,
}

/// What the best epoch is chosen by: one task's metric, or without a task the mean over all tasks. While a
/// metric is undefined on the validation rows (a ranking of rows of one class) the task's validation loss
/// chooses instead; where there is none, the last epoch is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorConfig {
    /// Without it, all tasks.
    pub task: Option<TaskName>,
    /// With a task: one of its metrics, by default its first. Without a task: leave it out, and the
    /// mean over tasks of the validation loss is minimised, each in units of what always answering the
    /// training rows' mean or class frequencies would cost: 1 is knowing nothing, 0 is perfect.
    pub metric: Option<MetricConfig>,
    /// Stop after this many epochs without a better one. Default: never.
    pub patience: Option<Count>,
}

/// Begin with the inputs and the trunk of an earlier run (transfer learning). Inputs are encoded as that
/// run fitted them: its vocabularies, means and classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartFromConfig {
    /// The run's name, a unique beginning of it, or a pipeline's name for its last finished run.
    pub run: String,
    /// What stays as it was: inputs, trunk. Default nothing.
    #[serde(default)]
    pub freeze: Vec<WarmStartPart>,
}

/// A part of a network that a later one can begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WarmStartPart {
    /// Embeddings of categories, and the inputs' own encoders.
    Inputs,
    /// The shared layers.
    Trunk,
}

impl WarmStartPart {
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
pub struct CheckpointConfig {
    /// Steps between two checkpoints. Default none.
    pub steps: Option<Count>,
    /// Seconds between two checkpoints. Default 30.
    pub seconds: Positive,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self { steps: None, seconds: Positive::constant(30.0) }
    }
}
