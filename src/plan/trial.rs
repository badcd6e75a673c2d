//! A trial: the pipeline with one choice for each swept setting, and one seed.

use crate::domain::name::TaskName;
use crate::domain::number::Count;
use crate::evaluate::config::MetricConfig;
use crate::model::config::{NetworkConfig, TaskNetworkConfig};
use crate::onnx::config::ExportConfig;
use crate::plan::preference::{cosmos, default_points, simplex};
use crate::spec::pipeline::PipelineConfig;
use crate::spec::variant::SettingChange;

/// One training of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Counts from 1.
    pub number: u32,
    /// Seed of weights, batches and dropout.
    pub seed: u64,
    /// The choices of the sweep.
    pub choices: Vec<SettingChange>,
    /// The pipeline with these choices and all defaults filled in, without its sweep.
    pub pipeline: PipelineConfig,
}

impl Trial {
    /// The settings of the network.
    pub fn network(&self) -> NetworkConfig {
        network(&self.pipeline)
    }

    /// Whether the exported model has rounded weights, so that it is scored too.
    pub(crate) fn rounds_export(&self) -> bool {
        let ExportConfig::Onnx(onnx) = &self.pipeline.export;
        onnx.precision.is_reduced()
    }

    /// The metrics of every task, in the order of the file.
    pub fn metrics(&self) -> Vec<(TaskName, Vec<MetricConfig>)> {
        metrics(&self.pipeline)
    }

    /// The preferences that the trained network is scored for; empty if it reads none.
    pub(crate) fn preferences(&self) -> Vec<Vec<f64>> {
        let Some((_, config)) = cosmos(&self.pipeline) else { return Vec::new() };
        let tasks = self.pipeline.tasks.len();
        simplex(tasks, config.front.map_or_else(|| default_points(tasks), Count::get))
    }

    /// The reference point of the front's hypervolume: a value of each task's first metric, if configured.
    pub(crate) fn reference(&self) -> Vec<(&TaskName, f64)> {
        let Some((_, config)) = cosmos(&self.pipeline) else { return Vec::new() };
        config.reference.iter().map(|(task, worst)| (task, worst.get())).collect()
    }
}

/// The settings of the network, from inputs, trunk, sharing and tasks.
pub(crate) fn network(pipeline: &PipelineConfig) -> NetworkConfig {
    let task = |(name, task): (&TaskName, &crate::spec::task::TaskConfig)| TaskNetworkConfig {
        name: name.clone(),
        from: task.from.clone(),
        after: task.after.clone(),
        head: task.head.clone(),
        loss: task.loss.clone(),
    };
    NetworkConfig {
        encoders: pipeline.inputs.iter().map(|(name, input)| (name.clone(), input.encoder.clone())).collect(),
        preference: cosmos(pipeline).is_some(),
        tabm: pipeline.tabm.clone(),
        trunk: pipeline.trunk.clone(),
        sharing: pipeline.sharing.clone(),
        tasks: pipeline.tasks.iter().map(task).collect(),
    }
}

/// The metrics of every task, in the order of the file.
pub(crate) fn metrics(pipeline: &PipelineConfig) -> Vec<(TaskName, Vec<MetricConfig>)> {
    let tasks = pipeline.tasks.iter();
    tasks.map(|(name, task)| (name.clone(), task.metrics.clone().unwrap_or_default())).collect()
}
