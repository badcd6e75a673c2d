//! What can go wrong in writing, reading and running an ONNX model.

use std::path::PathBuf;

/// A failure of this room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("opset {found} is not supported: 17 to 21 are")]
    Opset { found: i64 },
    #[error("two inputs or outputs of the model are called `{name}`")]
    NameTaken { name: String },
    #[error("the model would be {bytes} bytes; an ONNX file holds at most 2147483647")]
    TooLarge { bytes: usize },
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{} is not an ONNX model, or is cut short: {reason}", path.display())]
    NotOnnx { path: PathBuf, reason: String },
}

impl Error {
    /// For `map_err` on file operations.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
