//! What is known about a run before it starts.

use serde::{Deserialize, Serialize};

use crate::domain::name::{PipelineName, RunId, TaskName};
use crate::domain::score::Direction;
use crate::store::parameter::{ConfigParameter, flatten};
use crate::store::trial::SweepObjective;

/// A run about to start or to resume.
#[derive(Clone, Debug)]
pub struct RunHeader {
    /// Name of the run.
    pub run: RunId,
    /// Name of the pipeline.
    pub pipeline: PipelineName,
    /// Description of the pipeline.
    pub description: Option<String>,
    /// The pipeline's file, as given on the command line.
    pub file: String,
    /// The resolved pipeline as YAML.
    pub resolved: String,
    /// Content hash of the resolved pipeline.
    pub fingerprint: Option<String>,
    /// Seed of the pipeline.
    pub seed: u64,
    /// The command line, for display.
    pub command: Option<String>,
    /// Every leaf of the resolved pipeline.
    pub parameters: Vec<ConfigParameter>,
    /// The tasks of the plan.
    pub tasks: Vec<TaskHeader>,
    /// The settings that a sweep chose for each trial.
    pub trials: Vec<TrialHeader>,
    /// Which objective values are better.
    pub direction: Direction,
    /// The objectives of a multi-objective sweep; else empty.
    pub objectives: Vec<SweepObjective>,
    /// Machine and software.
    pub environment: Environment,
}

impl RunHeader {
    /// The settings of a resolved pipeline, flattened.
    pub fn parameters_of(resolved: &serde_json::Value) -> Vec<ConfigParameter> {
        flatten(resolved)
    }
}

/// One task of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskHeader {
    /// Name of the task.
    pub task: TaskName,
    /// The table it is trained on.
    pub data: String,
    /// binary, multiclass, ...
    pub kind: String,
    /// The target columns.
    pub targets: Vec<String>,
    /// Name of the loss, if the plan names one.
    pub loss: Option<String>,
}

/// The settings of one trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialHeader {
    /// Number of the trial.
    pub trial: u32,
    /// Seed of the trial.
    pub seed: u64,
    /// `(path, value)`
    pub parameters: Vec<(String, String)>,
}

/// The machine and software that execute a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Version of mtl.
    pub mtl_version: String,
    /// Commit of the git repository of the pipeline.
    pub git_commit: Option<String>,
    /// Whether it had uncommitted changes.
    pub git_dirty: Option<bool>,
    /// Name of the machine.
    pub host: String,
    /// Operating system and architecture.
    pub os: String,
    /// The processor's name.
    pub cpu: Option<String>,
    /// Number of processor cores.
    pub cpus: usize,
    /// Number of threads.
    pub threads: usize,
    /// Name of the device.
    pub device: String,
    /// Version of the ONNX Runtime that checked the model.
    pub onnx_runtime: Option<String>,
}
