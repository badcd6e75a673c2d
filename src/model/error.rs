//! Errors of building, loading and running a network.

use std::path::PathBuf;

use crate::domain::name::{InputName, MarkName, TaskName};

/// The result of building, loading or running a network.
pub type ModelResult<T, E = ModelError> = std::result::Result<T, E>;

/// Why a network cannot be built, loaded or run.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant describes it")]
pub enum ModelError {
    #[error("too many parameter tensors: `{part}` is number {count}")]
    TooManyWeights { part: String, count: usize },
    /// A layer does not accept its input.
    #[error("`{part}` {reason}")]
    Shape { part: String, reason: String },
    #[error("encoder for unknown input `{0}`")]
    EncoderWithoutInput(InputName),
    #[error("the network has the tasks {network}, but the data has {signature}")]
    Tasks { network: String, signature: String },
    #[error("task `{task}`: unknown mark `{mark}` in `from`; the trunk has {known}")]
    UnknownMark { task: TaskName, mark: MarkName, known: String },
    #[error("duplicate mark `{mark}` in the trunk")]
    DuplicateMark { mark: MarkName },
    #[error("task `{task}`: unknown task `{after}` in `after`")]
    UnknownTask { task: TaskName, after: TaskName },
    /// Each task depends on the next one; the first is repeated at the end.
    #[error(
        "dependency cycle in `after`: {}",
        .0.iter().map(|task| task.as_str()).collect::<Vec<_>>().join(" -> ")
    )]
    Cycle(Vec<TaskName>),
    #[error("loss of task `{task}`: {reason}")]
    Loss { task: TaskName, reason: String },
    #[error("input `{input}` {reason}")]
    Input { input: InputName, reason: String },
    #[error(
        "`{part}` needs at least 2 rows per training batch; found {rows}; \
         change `batch_size`, or use `layer_norm`"
    )]
    OneRow { part: String, rows: usize },
    #[error("device `{wanted}` is not available: {reason}")]
    Device { wanted: String, reason: String },
    #[error("cannot {doing} {path}: {source}", path = .path.display())]
    File { doing: &'static str, path: PathBuf, source: std::io::Error },
    /// A weights file is corrupt, or is of another network.
    #[error("weights file {path} {reason}", path = .path.display())]
    Weights { path: PathBuf, reason: String },
    /// An embedding needs pretrained vectors that the dataset does not contain.
    #[error("`{part}` needs the pretrained vectors of `{path}`, which are not in the dataset")]
    Vectors { part: String, path: String },
    #[error("`{part}`: {source}")]
    Pretrained { part: String, source: crate::model::pretrained::PretrainedError },
    /// An error of a layer that another crate registered.
    #[error("`{part}` (layer from crate {origin}): {reason}")]
    Registered { part: String, origin: &'static str, reason: String },
    #[error(
        "`{name}` uses `custom`, which cannot be exported to ONNX; \
         express it with the other operations of `Ops`"
    )]
    NoOnnx { name: String },
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}
