//! What is known about a run before it starts.

use serde::{Deserialize, Serialize};

use crate::domain::name::{PipelineName, RunId, TaskName};
use crate::domain::score::Direction;
use crate::store::parameter::{ConfigParameter, flatten};
use crate::store::trial::SweepObjective;

/// A run about to start or to resume.
#[derive(Clone, Debug)]
pub struct RunHeader {
    pub run: RunId,
    pub pipeline: PipelineName,
    pub description: Option<String>,
    /// The pipeline's file, as given on the command line.
    pub file: String,
    /// The resolved pipeline as YAML.
    pub resolved: String,
    /// Content hash of the resolved pipeline.
    pub fingerprint: Option<String>,
    pub seed: u64,
    /// The command line, for display.
    pub command: Option<String>,
    /// Every leaf of the resolved pipeline.
    pub parameters: Vec<ConfigParameter>,
    pub tasks: Vec<TaskHeader>,
    /// The settings that a sweep chose for each trial.
    pub trials: Vec<TrialHeader>,
    /// Which objective values are better.
    pub direction: Direction,
    /// The objectives of a multi-objective sweep; else empty.
    pub objectives: Vec<SweepObjective>,
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
    pub task: TaskName,
    /// The table it is trained on.
    pub data: String,
    /// binary, multiclass, ...
    pub kind: String,
    pub targets: Vec<String>,
    pub loss: Option<String>,
}

/// The settings of one trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialHeader {
    pub trial: u32,
    pub seed: u64,
    /// `(path, value)`
    pub parameters: Vec<(String, String)>,
}

/// The machine and software that execute a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    pub mtl_version: String,
    pub git_commit: Option<String>,
    pub git_dirty: Option<bool>,
    pub host: String,
    /// Operating system and architecture.
    pub os: String,
    /// The processor's name.
    pub cpu: Option<String>,
    pub cpus: usize,
    pub threads: usize,
    pub device: String,
    /// Version of the ONNX Runtime that checked the model.
    pub onnx_runtime: Option<String>,
}
