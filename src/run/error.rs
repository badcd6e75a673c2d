//! Errors of a run. Each variant keeps its cause.

use std::path::{Path, PathBuf};

use crate::domain::diagnostic::Diagnostic;

/// A failed stage, or a folder of runs that cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant describes it")]
pub enum RunError {
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    #[error(transparent)]
    Model(#[from] crate::model::ModelError),
    #[error(transparent)]
    Train(#[from] crate::train::TrainError),
    #[error(transparent)]
    Onnx(#[from] crate::onnx::OnnxError),
    /// Memory demand above the limit, with the place in the pipeline.
    #[error("{}", .0.message)]
    Memory(Box<Diagnostic>),
    /// A setting that does not fit the network of the fitted data.
    #[error("{}", .0.message)]
    Setting(Box<Diagnostic>),
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("cannot merge run `{run}`: {reason}")]
    Merge { run: String, reason: String },
    #[error("the network has {count} adapted `pretrained` layers; the files of peft hold one adapter")]
    Adapters { count: usize },
    #[error("run `{run}` is in use by another process")]
    Busy { run: String },
    #[error("there is no stage `{stage}`; the stages are {}", known.join(", "))]
    UnknownStage { stage: String, known: Vec<String> },
    #[error(
        "parity check failed: output `{output}` differs by {largest:.2e} between candle and ONNX Runtime \
         (tolerance {tolerance:.0e})"
    )]
    Parity { largest: f64, tolerance: f64, output: String },
    #[error("{} is corrupt: {reason}; run again to rebuild it", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("{} is corrupt: {reason}; rebuild it with `mtl resume {run}`", path.display())]
    DamagedRun { path: PathBuf, reason: String, run: String },
    #[error("{} is being replaced by other processes; try again later", path.display())]
    Contended { path: PathBuf },
    #[error("the files of table `{table}` changed during the run; run it again")]
    Changed { table: String },
    #[error("there is no run `{run}` with trained weights to start from; `mtl runs` lists runs")]
    NoEarlierRun { run: String },
    #[error(
        "{} is not an exported model: {missing} is missing; create one with `mtl export RUN --to DIR`",
        folder.display()
    )]
    MissingModel { folder: PathBuf, missing: &'static str },
    #[error(
        "{} is not empty and not an exported model (it contains `{other}`); use a new folder",
        folder.display()
    )]
    FolderInUse { folder: PathBuf, other: String },
    #[error("`{}` is a file; --to expects a folder", path.display())]
    NotAFolder { path: PathBuf },
    #[error("{} belongs to the run itself; use another folder", folder.display())]
    RunFolder { folder: PathBuf },
    #[error("output `{output}` is missing or has an unexpected shape: mtl.json and model.onnx do not match")]
    OutputMismatch { output: String },
    #[error("mtl.json does not match model.onnx: {what}. Export the model again: mtl export RUN --to FOLDER")]
    CardMismatch { what: String },
    #[error(
        "--keep: unknown column `{column}`{}",
        near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
    )]
    NoColumnToKeep { column: String, near: Option<String> },
    #[error(
        "--keep: column `{column}` holds nested lists, structs or bytes, \
         which predictions files do not support"
    )]
    NestedColumnToKeep { column: String },
    /// A destination of predictions that cannot be used.
    #[error("{0}")]
    Destination(String),
    #[error("--preference needs a model trained with `weighting: cosmos`")]
    NoPreference,
    #[error("--preference {0}")]
    Preference(String),
    #[error("{0}")]
    Draft(String),
    /// A stage was used before it ran.
    #[error("internal error: stage `{stage}` was used before it ran; please report it")]
    StageNotRun { stage: String },
    #[error("internal error: stage `{stage}` panicked; please report it")]
    Panicked { stage: String },
    #[error("the search proposed an invalid configuration ({}): {reason}", choices.join(", "))]
    InvalidProposal { choices: Vec<String>, reason: String },
    #[error("interrupted before stage `{stage}`")]
    Cancelled { stage: String },
}

impl RunError {
    /// Makes an I/O error of an action on a path.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// Makes the error of a data file that cannot be read.
    pub fn reading(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let file = path.to_owned();
        move |source| {
            Self::Data(match source.kind() {
                std::io::ErrorKind::NotFound => crate::data::DataError::FileNotFound { file },
                _ => crate::data::DataError::Unreadable { file, source },
            })
        }
    }

    /// The error with all its causes, in one sentence.
    pub fn with_causes(&self) -> String {
        let mut message = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(source) = cause {
            // Many errors quote their cause already.
            if !message.contains(&source.to_string()) {
                message += &format!(": {source}");
            }
            cause = source.source();
        }
        message
    }

    /// Whether the run was stopped on request.
    pub fn is_interruption(&self) -> bool {
        matches!(self, Self::Cancelled { .. } | Self::Train(crate::train::TrainError::Interrupted { .. }))
    }

    /// Whether the sweep pruned the trial.
    pub fn is_pruning(&self) -> bool {
        matches!(self, Self::Train(crate::train::TrainError::Pruned { .. }))
    }
}
