//! The settings of a pipeline: one YAML file, with sections in the order of the workflow.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::config::{SamplingConfig, TableConfig};
use crate::domain::name::{InputName, PipelineName, TableName, TaskName};
use crate::domain::number::Seed;
use crate::evaluate::config::EvaluateConfig;
use crate::model::config::{LayerConfig, SharingConfig, TabmConfig};
use crate::model::layer::pretrained::model_cell::ModelFolders;
use crate::onnx::config::ExportConfig;
use crate::spec::input::InputConfig;
use crate::spec::sweep::SweepConfig;
use crate::spec::task::TaskConfig;
use crate::train::config::{BalanceConfig, TrainConfig};

/// A multi-task learning experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelineConfig {
    /// Name of the pipeline. Default: the name of the file.
    #[serde(default)]
    pub name: Option<PipelineName>,
    /// A description for people.
    #[serde(default)]
    pub description: Option<String>,
    /// The seed of all randomness. Default 0.
    #[serde(default = "default_seed")]
    pub seed: Seed,
    /// Named tables; one is enough.
    pub data: IndexMap<TableName, TableConfig>,
    /// Columns that become input tensors; preprocessing is fitted on the training rows only.
    pub inputs: IndexMap<InputName, InputConfig>,
    /// Train several cheap members of the network and average their predictions. Default: one network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tabm: Option<TabmConfig>,
    /// The shared layers. Default: none, every head reads the inputs.
    #[serde(default)]
    pub trunk: Vec<LayerConfig>,
    /// How tasks share parameters in addition to the trunk. Default hard.
    #[serde(default)]
    pub sharing: SharingConfig,
    /// The tasks to train.
    pub tasks: IndexMap<TaskName, TaskConfig>,
    /// How the tasks are balanced: a loss weighting, a gradient method, or a list of one of each. Default
    /// equal.
    #[serde(default)]
    pub weighting: BalanceConfig,
    /// The table of the next batch, if there are several. Default proportional.
    #[serde(default)]
    pub sampling: SamplingConfig,
    /// Optimization and early stopping.
    #[serde(default)]
    pub train: TrainConfig,
    /// What is scored after training.
    #[serde(default)]
    pub evaluate: EvaluateConfig,
    /// The export format of the trained model.
    #[serde(default)]
    pub export: ExportConfig,
    /// Train several trials with different settings. Default: one trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepConfig>,
    /// The folders of pretrained models, relative to the file.
    #[serde(skip)]
    #[schemars(skip)]
    pub models: ModelFolders,
}

impl PipelineConfig {
    /// Sets the folder of the pipeline file, which paths of pretrained models are relative to.
    pub fn read_models_from(&mut self, base: &std::path::Path) {
        self.models = ModelFolders::in_folder(base);
    }

    /// The columns that the inputs read: those of their names, then the second ones of pairs of texts.
    pub fn input_columns(&self) -> Vec<&str> {
        let own = self.inputs.keys().map(|name| name.as_str());
        let second = self.inputs.values().filter_map(|input| input.feature.second_column());
        own.chain(second.map(|column| column.as_str())).collect()
    }
}

fn default_seed() -> Seed {
    Seed::constant(0)
}
