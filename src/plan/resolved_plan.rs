//! The plan: a validated pipeline, its trials and its stages.

use petgraph::graph::DiGraph;

use crate::data::config::FeatureConfig;
use crate::domain::bytes::Bytes;
use crate::domain::choice::display_names;
use crate::domain::name::{ColumnName, InputName, PipelineName, TableName, TaskName};
use crate::domain::task::TargetConfig;
use crate::evaluate::config::MetricConfig;
use crate::model::config::NetworkConfig;
use crate::plan::stage::{ArtifactKind, Stage};
use crate::plan::sweep::plain;
use crate::plan::trial::{Trial, metrics, network};
use crate::spec::pipeline::PipelineConfig;
use crate::spec::sweep::ChoicesConfig;
use crate::spec::task::MissingLabel;

/// A valid pipeline: names resolved, defaults filled in, stages ordered.
#[derive(Clone, Debug)]
pub struct Plan {
    /// With all defaults filled in: name, each task's table, loss and metrics, the monitored metric.
    pub pipeline: PipelineConfig,
    /// The trials, numbered from 1.
    pub trials: Vec<Trial>,
    /// The stages; an edge carries an artifact from one stage to another.
    pub graph: DiGraph<Stage, ArtifactKind>,
    /// The memory limit of a run (`--memory`); default: what the machine has.
    pub memory: Option<Bytes>,
}

/// The data of one task.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedTask {
    /// Name of the task.
    pub name: TaskName,
    /// The table with its labels.
    pub table: TableName,
    /// The target columns.
    pub columns: Vec<ColumnName>,
    /// The settings of the target.
    pub target: TargetConfig,
    /// `missing: error`: missing labels are errors.
    pub missing_is_error: bool,
}

impl Plan {
    /// The pipeline's name, which resolving has filled in.
    pub fn name(&self) -> PipelineName {
        self.pipeline.name.clone().unwrap_or_else(|| crate::plan::default::pipeline_name(""))
    }

    /// The inputs in the order of the file.
    pub fn inputs(&self) -> Vec<(InputName, FeatureConfig)> {
        self.pipeline.inputs.iter().map(|(name, input)| (name.clone(), input.feature.clone())).collect()
    }

    /// The tasks in the order of the file.
    pub fn tasks(&self) -> Vec<PlannedTask> {
        let only_table = self.pipeline.data.keys().next();
        let planned = |(name, task): (&TaskName, &crate::spec::task::TaskConfig)| {
            Some(PlannedTask {
                name: name.clone(),
                table: task.data.clone().or_else(|| only_table.cloned())?,
                columns: task.target.0.clone(),
                target: task.kind.clone(),
                missing_is_error: task.missing == MissingLabel::Error,
            })
        };
        self.pipeline.tasks.iter().filter_map(planned).collect()
    }

    /// The metrics of every task, in the order of the file.
    pub fn metrics(&self) -> Vec<(TaskName, Vec<MetricConfig>)> {
        metrics(&self.pipeline)
    }

    /// The settings of the network without any sweep, from inputs, trunk, sharing and tasks.
    pub fn network(&self) -> NetworkConfig {
        network(&self.pipeline)
    }

    /// A short label of a trial's choices that is unique among the trials: `weighting dwa, seed 2`.
    pub fn label(&self, trial: &Trial) -> String {
        let space = self.pipeline.sweep.as_ref().map(|sweep| &sweep.space);
        let choices = trial.choices.iter().map(|choice| {
            let mut all = match space.and_then(|space| space.get(&choice.address)) {
                Some(ChoicesConfig::List(values)) => values.iter().map(plain).collect(),
                _ => Vec::new(),
            };
            all.push(plain(&choice.value));
            let last = choice.address.rsplit('.').next().unwrap_or_default();
            format!("{last} {}", display_names(&all).pop().unwrap_or_default())
        });
        choices.chain([format!("seed {}", trial.seed)]).collect::<Vec<_>>().join(", ")
    }

    /// The trial with this number.
    pub fn trial(&self, number: u32) -> Option<&Trial> {
        self.trials.iter().find(|trial| trial.number == number)
    }
}
