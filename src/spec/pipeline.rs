//! The sentence: one YAML file, read. Sections stand in the order a person thinks.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::config::{SamplingConfig, TableConfig};
use crate::domain::name::{InputName, PipelineName, TableName, TaskName};
use crate::domain::number::Seed;
use crate::evaluate::config::EvaluateConfig;
use crate::model::config::{LayerConfig, SharingConfig};
use crate::onnx::config::ExportConfig;
use crate::spec::input::InputConfig;
use crate::spec::sweep::SweepConfig;
use crate::spec::task::TaskConfig;
use crate::train::config::{BalanceConfig, TrainConfig};

/// A multi-task learning experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelineConfig {
    /// The pipeline's name; default: the file's name.
    #[serde(default)]
    pub name: Option<PipelineName>,
    /// What it is about, for people.
    #[serde(default)]
    pub description: Option<String>,
    /// The seed of everything random. Default 0.
    #[serde(default = "default_seed")]
    pub seed: Seed,
    /// Named tables; one is enough.
    pub data: IndexMap<TableName, TableConfig>,
    /// Columns that become tensors, fitted on training rows only.
    pub inputs: IndexMap<InputName, InputConfig>,
    /// The shared body, a list of layers. Default: none, every head reads the inputs.
    #[serde(default)]
    pub trunk: Vec<LayerConfig>,
    /// How tasks share beyond the trunk. Default hard.
    #[serde(default)]
    pub sharing: SharingConfig,
    /// What is learned.
    pub tasks: IndexMap<TaskName, TaskConfig>,
    /// How the tasks are balanced: a weighting of losses, a gradient method, or a list of one of each.
    /// Default equal.
    #[serde(default)]
    pub weighting: BalanceConfig,
    /// Which table the next batch comes from, when there are several. Default proportional.
    #[serde(default)]
    pub sampling: SamplingConfig,
    /// How weights change.
    #[serde(default)]
    pub train: TrainConfig,
    /// What is scored at the end.
    #[serde(default)]
    pub evaluate: EvaluateConfig,
    /// What the trained model is written as.
    #[serde(default)]
    pub export: ExportConfig,
    /// Several trials of it, with settings that vary. Default: one trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepConfig>,
}

fn default_seed() -> Seed {
    Seed::constant(0)
}
