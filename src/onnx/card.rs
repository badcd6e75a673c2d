//! The content of a model card.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::decode::viterbi::Transitions;
use crate::domain::array::Array;
use crate::domain::event::FileContent;
use crate::domain::name::{PipelineName, RunId, TaskName};
use crate::domain::precision::Precision;
use crate::domain::score::Score;
use crate::domain::signature::Signature;
use crate::onnx::bundle_file::BundleFile;
use crate::onnx::sample::SampleColumn;

/// The format that this version writes. Format 2 adds how rows are read; format 3 adds hashes of all files
/// and of the card itself, and the predictions of the sample rows.
pub const FORMAT: u64 = HASHED;
/// The first format with hashes and predictions.
pub const HASHED: u64 = 3;
/// The card's file name.
pub const CARD: &str = "mtl.json";

/// The content of `mtl.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// The version of the card format.
    pub format: u64,
    /// The version of `mtl` that wrote it.
    pub mtl: String,
    /// Name of the pipeline.
    pub pipeline: PipelineName,
    /// Name of the run.
    pub run: RunId,
    /// Number of the trial.
    pub trial: u32,
    /// Seed of the trial.
    pub seed: u64,
    /// Version of the operator set.
    pub opset: i64,
    /// The largest allowed difference in verification.
    pub tolerance: f64,
    /// The precision of the weights.
    #[serde(default, skip_serializing_if = "Precision::is_full")]
    pub precision: Precision,
    /// Inputs and outputs.
    pub signature: Signature,
    /// Scores of the trained network.
    pub metrics: Vec<Score>,
    /// The training data files.
    pub data: Vec<FileContent>,
    /// The other files, with checksums. Empty in cards of earlier formats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<BundleFile>,
    /// Sample rows to verify the model with.
    pub sample: ModelSample,
    /// The default preference of a model that takes one: each task's weight.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub preference: IndexMap<TaskName, f64>,
    /// CRF transitions of tagging tasks, for decoding their logits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transitions: Vec<(TaskName, Transitions)>,
    /// Generated texts of the sample rows as tokens, with seed 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<(TaskName, Vec<Vec<u32>>)>,
    /// The trained network's prediction columns of the sample rows. Empty in cards of earlier formats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<SampleColumn>,
}

/// Raw sample rows, and the outputs that the model must produce for them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelSample {
    /// Raw inputs by name.
    pub inputs: Vec<SampleColumn>,
    /// Outputs by name.
    pub outputs: Vec<SampleColumn>,
}

impl ModelSample {
    /// A sample of named arrays.
    pub fn new(inputs: &[(String, Array)], outputs: &[(String, Array)]) -> Self {
        let columns = |arrays: &[(String, Array)]| -> Vec<SampleColumn> {
            arrays.iter().map(|(name, array)| SampleColumn::new(name, array)).collect()
        };
        Self { inputs: columns(inputs), outputs: columns(outputs) }
    }

    /// The raw rows, as inputs of a session.
    pub fn inputs(&self) -> Vec<(String, Array)> {
        arrays(&self.inputs)
    }

    /// The expected outputs.
    pub fn outputs(&self) -> Vec<(String, Array)> {
        arrays(&self.outputs)
    }
}

/// `ModelCard::read` has checked that every column is valid.
fn arrays(columns: &[SampleColumn]) -> Vec<(String, Array)> {
    columns.iter().filter_map(|column| Some((column.name.clone(), column.array()?))).collect()
}

impl ModelCard {
    /// The CRF transitions of a task, if it has any.
    pub fn transitions(&self, task: &TaskName) -> Option<&Transitions> {
        self.transitions.iter().find(|(name, _)| name == task).map(|(_, transitions)| transitions)
    }
}
