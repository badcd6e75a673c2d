//! The settings of `train`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::name::TaskName;
use crate::domain::number::{Count, Positive};
use crate::evaluate::metric::MetricConfig;
pub use crate::model::device::DeviceConfig;
pub use crate::train::merging::{MergeConfig, MergeMethod};
pub use crate::train::optimizer::OptimizerConfig;
use crate::train::optimizer::adamw::AdamWConfig;
pub use crate::train::rates::{RatesConfig, UnfreezeConfig};
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
    /// Maximum number of tokens, or time steps, of a batch of sequences, padding included: batches of short
    /// rows have up to `batch_size` rows, those of long ones fewer. Training rows of a table are sorted by
    /// length and cut into batches, whose order is random. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_tokens: Option<Count>,
    /// The optimizer. Default adamw.
    pub optimizer: OptimizerConfig,
    /// The learning rate schedule. Default constant.
    pub schedule: ScheduleConfig,
    /// Learning rates of parts of the network, in place of the optimizer's: by part (inputs, trunk, sharing,
    /// heads), by task (its own layers and output), or by a pattern of weight names in which `*` stands for
    /// any characters. A pattern wins over a task, a task over a part, a longer pattern over a shorter one,
    /// the later of two equals over the earlier. The schedule multiplies each rate. `decay_per_layer`
    /// multiplies the rate of a block of `transformer` or `pretrained` by this factor once for every block
    /// after it, and the rate of what is before the first block once more (Clark et al., ICLR 2020), as in
    /// {trunk: 2.0e-5, heads: 1.0e-3, decay_per_layer: 0.9}. Default: the optimizer's rate for all.
    #[serde(skip_serializing_if = "RatesConfig::is_empty")]
    pub rates: RatesConfig,
    /// Batches per optimizer step (gradient accumulation): a step has the gradient of a batch this many times
    /// as large, in the memory of one batch. A loss is the mean over the labels of all these batches, so each
    /// counts by its number of labels, and a batch without labels of a task does not count for it. The last
    /// step of an epoch may have fewer batches. Batch normalization sees each batch by itself. Default 1.
    #[serde(skip_serializing_if = "is_one")]
    pub accumulate: Count,
    /// Whether blocks of `transformer` and of text encoders of `pretrained` keep only their inputs for the
    /// backward pass, which computes the rest again (gradient checkpointing, Chen et al. 2016): less memory,
    /// about a third more time, the same numbers. Default false.
    #[serde(skip_serializing_if = "is_false")]
    pub gradient_checkpointing: bool,
    /// Parts, tasks or patterns of weight names, as in `rates`, that keep their initial values. Running
    /// statistics of batch normalization still follow the data. Default none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<String>,
    /// Unfreezes the blocks of a `transformer` or `pretrained` layer one after the other, from the last to
    /// the first. Default: all are trained from the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfreeze: Option<UnfreezeConfig>,
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
    /// Merges the weights of runs that began alike instead of training. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge: Option<MergeConfig>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: Count::constant(20),
            batch_size: Count::constant(256),
            batch_tokens: None,
            optimizer: OptimizerConfig::AdamW(AdamWConfig::default()),
            schedule: ScheduleConfig::default(),
            rates: RatesConfig::default(),
            accumulate: Count::constant(1),
            gradient_checkpointing: false,
            freeze: Vec::new(),
            unfreeze: None,
            regularization: None,
            clip_norm: None,
            gradients: GradientsConfig::default(),
            affinity: None,
            monitor: MonitorConfig::default(),
            device: DeviceConfig::default(),
            checkpoint: CheckpointConfig::default(),
            start_from: None,
            merge: None,
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

fn is_one(value: &Count) -> bool {
    value.get() == 1
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

/// A part of a network in `rates` and `freeze`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightPart {
    /// Category embeddings and the encoders of inputs.
    Inputs,
    /// The shared layers.
    Trunk,
    /// Experts, gates and whatever else the sharing adds to the trunk.
    Sharing,
    /// The tasks' own layers and outputs.
    Heads,
}

impl WeightPart {
    /// In the order of a forward pass.
    pub const ALL: [Self; 4] = [Self::Inputs, Self::Trunk, Self::Sharing, Self::Heads];

    /// Its name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inputs => "inputs",
            Self::Trunk => "trunk",
            Self::Sharing => "sharing",
            Self::Heads => "heads",
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
