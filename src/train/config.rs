//! The settings of `train`.

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

/// How the network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Maximum number of epochs. Default 20.
    pub epochs: Count,
    /// Batch size in rows. Default 256.
    pub batch_size: Count,
    /// The optimizer. Default adamw.
    pub optimizer: OptimizerConfig,
    /// The learning rate schedule. Default constant.
    pub schedule: ScheduleConfig,
    /// A penalty on the weights. Default none.
    pub regularization: Option<RegularizationConfig>,
    /// Maximum norm of the gradient; larger gradients are scaled down to it. Default none.
    pub clip_norm: Option<Positive>,
    /// How gradient methods compute the tasks' gradients.
    pub gradients: GradientsConfig,
    /// Measures how a gradient step for each task changes the others' losses; does not affect training.
    /// Default never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<AffinityConfig>,
    /// How the best epoch is chosen on the validation split.
    pub monitor: MonitorConfig,
    /// auto, cpu, cuda, cuda:N or metal. Default auto.
    pub device: DeviceConfig,
    /// When checkpoints for resuming an interrupted training are saved.
    pub checkpoint: CheckpointConfig,
    /// An earlier run whose weights training starts from. Default none.
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

/// How gradient methods compute the tasks' gradients and apply their weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GradientsConfig {
    /// With respect to the shared parameters (parameters, the default) or to the representation that all
    /// tasks read (representation), which needs one backward pass through the trunk instead of one per task,
    /// for methods that support it.
    pub at: GradientsAt,
    /// Computes the dot products of the shared parameters' gradients layer by layer: at most one layer's
    /// gradients of every task are in memory at once, for one more backward pass through the trunk. Results
    /// are the same up to rounding. For methods that need only dot products. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub by_layer: bool,
    /// How a method's weights are scaled: none (unchanged, the default), sum_to_tasks, sum_to_one or
    /// norm_of_mean (the combined gradient has the norm of the mean gradient).
    pub scale: GradientScale,
    /// Whether a method's weights also apply to the tasks' own layers: unweighted or weighted. Default: that
    /// of the method, weighted for gradnorm and unweighted for the others.
    pub heads: Option<HeadGradients>,
    /// Compares the tasks' gradients even without a gradient method; costs a backward pass through the trunk
    /// per task. Default false.
    pub observe: bool,
}

// Skipped when serializing the default, so that fingerprints of earlier versions remain valid.
fn is_false(value: &bool) -> bool {
    !value
}

/// How often inter-task affinity is measured (Fifty et al., NeurIPS 2021): for each task in turn, the shared
/// parameters take a plain gradient step, every task's loss is computed on the same batch, and the parameters
/// are restored.
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

/// What gradients are computed with respect to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GradientsAt {
    /// the shared parameters
    #[default]
    Parameters,
    /// the representation that all tasks read
    Representation,
}

/// How a gradient method's weights are scaled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GradientScale {
    /// As the method gives them.
    #[default]
    None,
    /// to sum to the number of the batch's tasks
    SumToTasks,
    /// Divided by their sum.
    SumToOne,
    /// so that the combined gradient has the norm of the mean gradient
    NormOfMean,
}

/// The gradients of the tasks' own layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeadGradients {
    /// those of the task's loss, weighted by the loss weighting only
    Unweighted,
    /// the same times the gradient method's weight
    Weighted,
}

/// How the best epoch is chosen: by one task's metric, or without a task by the mean over all tasks. While a
/// metric is undefined on the validation rows (for example AUROC with a single class), the task's validation
/// loss is used instead; without that, the last epoch is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorConfig {
    /// The task to monitor. Default: all tasks.
    pub task: Option<TaskName>,
    /// With `task`: one of its metrics, by default its first. Without `task` it must be omitted: the mean
    /// over tasks of the validation loss is minimized, each relative to the loss of always predicting the
    /// training rows' mean or class frequencies, so 1 is the level of a constant prediction and 0 is perfect.
    pub metric: Option<MetricConfig>,
    /// Stop after this many epochs without improvement. Default never.
    pub patience: Option<Count>,
}

/// Starts from the inputs and the trunk of an earlier run (transfer learning). Inputs are encoded as in that
/// run, with its vocabularies, means and classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartFromConfig {
    /// The run's name, a unique prefix of it, or a pipeline's name for its last finished run.
    pub run: String,
    /// The parts that are frozen: inputs, trunk. Default none.
    #[serde(default)]
    pub freeze: Vec<WarmStartPart>,
}

/// A part of a network that can be loaded from an earlier run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WarmStartPart {
    /// Category embeddings and the encoders of inputs.
    Inputs,
    /// The shared layers.
    Trunk,
}

impl WarmStartPart {
    /// All parts.
    pub const ALL: [Self; 2] = [Self::Inputs, Self::Trunk];

    /// The prefix of its parameters' names.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Inputs => "input.",
            Self::Trunk => "trunk.",
        }
    }
}

/// When checkpoints are saved: after `steps` or `seconds`, whichever comes first.
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
