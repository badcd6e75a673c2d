//! What can go wrong in writing, reading and running an ONNX model.

use std::path::PathBuf;

/// A failure of this room.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
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

    #[error("{} is not a usable library: {reason}", path.display())]
    Library { path: PathBuf, reason: String },
    #[error("{} is ONNX Runtime {version}; 1.{needed} or later is needed", path.display())]
    TooOld { path: PathBuf, version: String, needed: u32 },
    #[error("no ONNX Runtime wheel is known for {os} on {arch}")]
    NoWheel { os: &'static str, arch: &'static str },
    #[error("`{command}` failed: {reason}")]
    Command { command: String, reason: String },
    #[error("no usable ONNX Runtime was found, and {why}. Looked at: {}. {}", listed(tried), HINT)]
    NoRuntime {
        /// One entry per place looked at, with what was wrong there.
        tried: Vec<String>,
        /// Why it was not fetched.
        why: String,
    },

    #[error("ONNX Runtime refuses {}: {reason}", path.display())]
    Session { path: PathBuf, reason: String },
    #[error("the model has no input `{name}`; it has {}", known.join(", "))]
    UnknownInput { name: String, known: Vec<String> },
    #[error("the model's input `{name}` was not given")]
    MissingInput { name: String },
    #[error("ONNX Runtime could not run the model: {reason}")]
    Run { reason: String },
    #[error("the model's output `{name}` is of type {found}; floats and 64-bit whole numbers can be read")]
    OutputType { name: String, found: String },

    #[error(
        "{} has format {found}; this mtl reads format {known} ({})",
        path.display(),
        if found > known { "a newer mtl wrote it" } else { "an older mtl wrote it" }
    )]
    CardFormat { path: PathBuf, found: u64, known: u64 },
    #[error("{} is not a model card of mtl, or is cut short: {reason}", path.display())]
    NotACard { path: PathBuf, reason: String },
    #[error(
        "{} is not as it was written: its `sha256` is of another content. A card is not edited; change the pipeline, or \
         export the model again: mtl export RUN --to FOLDER",
        path.display()
    )]
    ChangedCard { path: PathBuf },
    #[error("{} describes no model that mtl could have made: {reason}. Export the model again", path.display())]
    UnsoundCard { path: PathBuf, reason: String },
    #[error(
        "{} is not the file that was exported: its content is another than mtl.json says. Export the model again: \
         mtl export RUN --to FOLDER",
        path.display()
    )]
    ChangedFile { path: PathBuf },
    #[error(
        "{} has parts in other files (`{location}`); a model of mtl holds all of itself, and none from elsewhere is read",
        path.display()
    )]
    External { path: PathBuf, location: String },
    /// What of a bundle cannot be proved, and why.
    #[error("{0}")]
    Unproved(String),
}

impl OnnxError {
    /// Is there no ONNX Runtime to be had, rather than something wrong with the model?
    pub fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::NoRuntime { .. }
                | Self::NoWheel { .. }
                | Self::Library { .. }
                | Self::TooOld { .. }
                | Self::Command { .. }
        )
    }
}

const HINT: &str = "Set ORT_DYLIB_PATH to a libonnxruntime, or `pip install onnxruntime`";

fn listed(tried: &[String]) -> String {
    if tried.is_empty() { "nowhere".to_owned() } else { tried.join("; ") }
}

impl OnnxError {
    /// For `map_err` on file operations.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
