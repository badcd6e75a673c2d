//! Errors of writing, reading and running ONNX models.

use std::path::PathBuf;

use crate::domain::precision::Precision;

/// A failure to write, read or run an ONNX model.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant describes it")]
pub enum OnnxError {
    #[error("unsupported opset {found}; expected 17 to 21")]
    Opset { found: i64 },
    #[error(
        "`export.onnx.precision: {precision}` does not know the operator {operator} (node `{node}`); \
         write f32 or int8"
    )]
    Precision { precision: Precision, operator: String, node: String },
    #[error("duplicate name `{name}` among the model's inputs and outputs")]
    NameTaken { name: String },
    #[error("the model would be {bytes} bytes; an ONNX file holds at most 2147483647")]
    TooLarge { bytes: usize },
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{} is not an ONNX model or is truncated: {reason}", path.display())]
    NotOnnx { path: PathBuf, reason: String },

    #[error("{} is not a usable library: {reason}", path.display())]
    Library { path: PathBuf, reason: String },
    #[error("{} is ONNX Runtime {version}; expected 1.{needed} or later", path.display())]
    TooOld { path: PathBuf, version: String, needed: u32 },
    #[error("there is no ONNX Runtime wheel for {os} on {arch}")]
    NoWheel { os: &'static str, arch: &'static str },
    #[error("`{command}` failed: {reason}")]
    Command { command: String, reason: String },
    #[error("ONNX Runtime not found: {why}. Searched: {}. {}", listed(tried), HINT)]
    NoRuntime {
        /// The places searched, each with the problem.
        tried: Vec<String>,
        /// Why it was not downloaded.
        why: String,
    },

    #[error("ONNX Runtime cannot load {}: {reason}", path.display())]
    Session { path: PathBuf, reason: String },
    #[error("the model has no input `{name}`; it has {}", known.join(", "))]
    UnknownInput { name: String, known: Vec<String> },
    #[error("missing model input `{name}`")]
    MissingInput { name: String },
    #[error("ONNX Runtime cannot run the model: {reason}")]
    Run { reason: String },
    #[error("the model's output `{name}` is of type {found}; expected floats or 64-bit integers")]
    OutputType { name: String, found: String },

    #[error(
        "{} has format {found}; this mtl supports formats up to {known} ({})",
        path.display(),
        if found > known { "a newer mtl wrote it" } else { "an older mtl wrote it" }
    )]
    CardFormat { path: PathBuf, found: u64, known: u64 },
    #[error("{} is not a model card of mtl or is truncated: {reason}", path.display())]
    NotACard { path: PathBuf, reason: String },
    #[error(
        "{} was modified after export: its checksum does not match. Do not edit it; change the pipeline, or \
         export the model again: mtl export RUN --to FOLDER",
        path.display()
    )]
    ChangedCard { path: PathBuf },
    #[error("invalid model card {}: {reason}; export the model again", path.display())]
    InvalidCard { path: PathBuf, reason: String },
    #[error(
        "{} was modified after export: its checksum differs from mtl.json. Export the model again: \
         mtl export RUN --to FOLDER",
        path.display()
    )]
    ChangedFile { path: PathBuf },
    #[error(
        "{} refers to external data (`{location}`), which is not loaded; a model of mtl has at most a file \
         of its own name and `.data`",
        path.display()
    )]
    ExternalData { path: PathBuf, location: String },
    #[error(
        "{} needs {}, which is missing: a model of more than 2 GB has its weights in that file. Copy both, \
         or export the model again: mtl export RUN --to FOLDER",
        path.display(),
        data.display()
    )]
    MissingData { path: PathBuf, data: PathBuf },
    /// The part of an exported model that cannot be verified, and why.
    #[error("{0}")]
    Unverifiable(String),
}

impl OnnxError {
    /// Whether no ONNX Runtime is available, as opposed to a problem of the model.
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

const HINT: &str = "Set ORT_DYLIB_PATH to a libonnxruntime, or run `pip install onnxruntime`";

fn listed(tried: &[String]) -> String {
    if tried.is_empty() { "nowhere".to_owned() } else { tried.join("; ") }
}

impl OnnxError {
    /// Adds the path to an I/O error, for `map_err`.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
