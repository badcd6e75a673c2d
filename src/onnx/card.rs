//! What a card says.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::decode::viterbi::Transitions;
use crate::domain::array::Array;
use crate::domain::event::FileContent;
use crate::domain::name::{PipelineName, RunId, TaskName};
use crate::domain::score::Score;
use crate::domain::signature::Signature;
use crate::onnx::bundle_file::BundleFile;
use crate::onnx::sample::SampleColumn;

/// The format this `mtl` writes. 2: the signature tells how rows are read. 3: hashes of all files and of the
/// card itself, and the answers to the sample rows.
pub const FORMAT: u64 = HASHED;
/// The first format whose cards hold hashes and answers.
pub const HASHED: u64 = 3;
/// The card's file name.
pub const CARD: &str = "mtl.json";

/// What `mtl.json` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// Version of this file's form.
    pub format: u64,
    /// Version of the `mtl` that wrote it.
    pub mtl: String,
    pub pipeline: PipelineName,
    pub run: RunId,
    pub trial: u32,
    pub seed: u64,
    pub opset: i64,
    /// Largest difference allowed when the model is verified.
    pub tolerance: f64,
    pub signature: Signature,
    pub metrics: Vec<Score>,
    /// The files it learned from.
    pub data: Vec<FileContent>,
    /// The other files of the bundle, by content. None in cards of earlier formats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<BundleFile>,
    pub sample: ModelSample,
    /// What a model that reads a preference is told where nobody says otherwise: each task's share.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub preference: IndexMap<TaskName, f64>,
    /// What tasks with `crf` decide by, over their logits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transitions: Vec<(TaskName, Transitions)>,
    /// What tasks that write texts write for the sample rows, as tokens, and with a seed of 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<(TaskName, Vec<Vec<u32>>)>,
    /// The columns that predicting the sample rows gives, as the trained network says. None in cards of
    /// earlier formats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<SampleColumn>,
}

/// Raw rows, and what the model must answer to them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelSample {
    pub inputs: Vec<SampleColumn>,
    pub outputs: Vec<SampleColumn>,
}

impl ModelSample {
    pub fn new(inputs: &[(String, Array)], outputs: &[(String, Array)]) -> Self {
        let columns = |arrays: &[(String, Array)]| -> Vec<SampleColumn> {
            arrays.iter().map(|(name, array)| SampleColumn::new(name, array)).collect()
        };
        Self { inputs: columns(inputs), outputs: columns(outputs) }
    }

    /// The raw rows, as `Session::run` takes them.
    pub fn inputs(&self) -> Vec<(String, Array)> {
        arrays(&self.inputs)
    }

    /// The expected answers, as `verify` takes them.
    pub fn outputs(&self) -> Vec<(String, Array)> {
        arrays(&self.outputs)
    }
}

/// `ModelCard::read` has checked that every column can be had.
fn arrays(columns: &[SampleColumn]) -> Vec<(String, Array)> {
    columns.iter().filter_map(|column| Some((column.name.clone(), column.array()?))).collect()
}

impl ModelCard {
    /// What a task decides by, where more than each step's own answer does.
    pub fn transitions(&self, task: &TaskName) -> Option<&Transitions> {
        self.transitions.iter().find(|(name, _)| name == task).map(|(_, transitions)| transitions)
    }
}
