//! What can go wrong with a network.

use std::path::PathBuf;

use crate::domain::name::{InputName, MarkName, TaskName};

pub type ModelResult<T, E = ModelError> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("`{part}` would be weight number {count}: no network has that many")]
    TooManyWeights { part: String, count: usize },
    /// A layer cannot take what comes before it.
    #[error("`{part}` {reason}")]
    Shape { part: String, reason: String },
    #[error("an encoder is given for `{0}`, which is not an input")]
    EncoderWithoutInput(InputName),
    #[error("the network has tasks {network}, the data has tasks {signature}")]
    Tasks { network: String, signature: String },
    #[error("task `{task}` reads from `{mark}`, but the trunk marks {known}")]
    UnknownMark { task: TaskName, mark: MarkName, known: String },
    #[error("`{mark}` is marked twice in the trunk")]
    MarkTwice { mark: MarkName },
    #[error("task `{task}` comes after `{after}`, which is not a task")]
    UnknownTask { task: TaskName, after: TaskName },
    #[error("tasks wait for each other's answers: {}", .0.iter().map(|t| t.as_str()).collect::<Vec<_>>().join(" after "))]
    Cycle(Vec<TaskName>),
    #[error("the loss of task `{task}`: {reason}")]
    Loss { task: TaskName, reason: String },
    #[error("input `{input}` {reason}")]
    Input { input: InputName, reason: String },
    #[error(
        "`{part}` needs at least 2 rows per training batch, found {rows}; choose another `batch_size`, or use layer_norm"
    )]
    OneRow { part: String, rows: usize },
    #[error("device `{wanted}` cannot be used: {reason}")]
    Device { wanted: String, reason: String },
    #[error("cannot {doing} {path}: {source}", path = .path.display())]
    File { doing: &'static str, path: PathBuf, source: std::io::Error },
    /// A weights file that does not belong to this network, or is damaged.
    #[error("the weights in {path} {reason}", path = .path.display())]
    Weights { path: PathBuf, reason: String },
    /// Vectors that an embedding asks for and the data does not have.
    #[error("`{part}` begins with the vectors of `{path}`, which the data does not hold")]
    Vectors { part: String, path: String },
    /// Of a layer that another crate registered.
    #[error("`{part}`, a layer of the crate {origin}: {reason}")]
    Registered { part: String, origin: &'static str, reason: String },
    #[error(
        "`{name}` computes with candle tensors alone (`custom`), and has no ONNX form: what it does must be written with other operations to be exported"
    )]
    NoOnnx { name: String },
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}
