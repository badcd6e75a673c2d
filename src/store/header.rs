//! What is known of a run before it begins.

use serde::{Deserialize, Serialize};

use crate::domain::name::{PipelineName, RunId, TaskName};
use crate::domain::score::Direction;
use crate::store::parameter::{ConfigParameter, flatten};
use crate::store::trial::SweepObjective;

/// A run about to begin, or to be gone on with.
#[derive(Clone, Debug)]
pub struct RunHeader {
    pub run: RunId,
    pub pipeline: PipelineName,
    pub description: Option<String>,
    /// The pipeline's file, as it was given.
    pub file: String,
    /// The pipeline as resolved, YAML.
    pub resolved: String,
    /// Content hash of the resolved pipeline.
    pub fingerprint: Option<String>,
    pub seed: u64,
    /// The command line, for people.
    pub command: Option<String>,
    /// Every leaf of the resolved pipeline.
    pub parameters: Vec<ConfigParameter>,
    pub tasks: Vec<TaskHeader>,
    /// Settings a sweep chose, per trial.
    pub trials: Vec<TrialHeader>,
    /// Which objectives of its trials are better.
    pub direction: Direction,
    /// What a sweep weighs its trials by, where it names several objectives.
    pub objectives: Vec<SweepObjective>,
    pub environment: Environment,
}

impl RunHeader {
    /// The settings of a resolved pipeline, flattened.
    pub fn parameters_of(resolved: &serde_json::Value) -> Vec<ConfigParameter> {
        flatten(resolved)
    }
}

/// One task, as the plan has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskHeader {
    pub task: TaskName,
    /// The table it learns from.
    pub data: String,
    /// binary, multiclass, ...
    pub kind: String,
    pub targets: Vec<String>,
    pub loss: Option<String>,
}

/// One trial's own settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialHeader {
    pub trial: u32,
    pub seed: u64,
    /// `(path, value)`
    pub parameters: Vec<(String, String)>,
}

/// Where a run is executed.
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
