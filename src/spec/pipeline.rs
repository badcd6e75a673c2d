//! The sentence: one YAML file, read. Sections stand in the order a person thinks.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::spec::{SamplingSpec, TableSpec};
use crate::domain::name::{InputName, PipelineName, TableName, TaskName};
use crate::domain::number::Seed;
use crate::evaluate::spec::EvaluateSpec;
use crate::model::spec::{LayerSpec, SharingSpec};
use crate::onnx::spec::ExportSpec;
use crate::spec::input::InputSpec;
use crate::spec::sweep::SweepSpec;
use crate::spec::task::TaskSpec;
use crate::train::spec::{BalanceSpec, TrainSpec};

/// A multi-task learning experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelineSpec {
    /// The pipeline's name; default: the file's name.
    #[serde(default)]
    pub name: Option<PipelineName>,
    /// What it is about, for people.
    #[serde(default)]
    pub description: Option<String>,
    /// The seed of everything random. Default 0.
    #[serde(default = "zero")]
    pub seed: Seed,
    /// Named tables; one is enough.
    pub data: IndexMap<TableName, TableSpec>,
    /// Columns that become tensors, fitted on training rows only.
    pub inputs: IndexMap<InputName, InputSpec>,
    /// The shared body, a list of layers. Default: none, every head reads the inputs.
    #[serde(default)]
    pub trunk: Vec<LayerSpec>,
    /// How tasks share beyond the trunk. Default hard.
    #[serde(default)]
    pub sharing: SharingSpec,
    /// What is learned.
    pub tasks: IndexMap<TaskName, TaskSpec>,
    /// How the tasks are balanced: a weighting of losses, a gradient method, or a list of one of each. Default equal.
    #[serde(default)]
    pub weighting: BalanceSpec,
    /// Which table the next batch comes from, when there are several. Default proportional.
    #[serde(default)]
    pub sampling: SamplingSpec,
    /// How weights change.
    #[serde(default)]
    pub train: TrainSpec,
    /// What is scored at the end.
    #[serde(default)]
    pub evaluate: EvaluateSpec,
    /// What the trained model is written as.
    #[serde(default)]
    pub export: ExportSpec,
    /// Several trials of it, with settings that vary. Default: one trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepSpec>,
}

fn zero() -> Seed {
    Seed::constant(0)
}
