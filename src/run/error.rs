//! What can go wrong while a run works. Each variant keeps its cause.

use std::path::{Path, PathBuf};

use crate::domain::diagnostic::Diagnostic;

/// A failed stage, or a runs folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    #[error(transparent)]
    Model(#[from] crate::model::ModelError),
    #[error(transparent)]
    Train(#[from] crate::train::TrainError),
    #[error(transparent)]
    Onnx(#[from] crate::onnx::OnnxError),
    /// What cannot fit into memory, and where it stands in the pipeline.
    #[error("{}", .0.message)]
    Memory(Box<Diagnostic>),
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("run `{run}` is being worked on by another process")]
    Busy { run: String },
    #[error("there is no stage `{stage}`; the stages are {}", known.join(", "))]
    UnknownStage { stage: String, known: Vec<String> },
    #[error(
        "the exported model differs from the trained one by {largest:.2e}, more than {tolerance:.0e} allows (output `{output}`)"
    )]
    Parity { largest: f64, tolerance: f64, output: String },
    #[error("{} is damaged: {reason}; run again, and it is made anew", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("{} is damaged: {reason}; make it again with: mtl resume {run}", path.display())]
    DamagedRun { path: PathBuf, reason: String, run: String },
    #[error("{} is replaced by other processes again and again; try again when they are done", path.display())]
    Contended { path: PathBuf },
    #[error(
        "the files of table `{table}` changed while the run read them: what it read is not what it began with; run it again"
    )]
    Changed { table: String },
    #[error("there is no run `{run}` with trained weights to start from; `mtl runs` lists runs")]
    NoEarlierRun { run: String },
    #[error("{} is no bundle: it holds no {lacks}; `mtl export RUN --to DIR` makes one", folder.display())]
    NoModel { folder: PathBuf, lacks: &'static str },
    #[error("{} is not an earlier bundle: it holds `{holds}`; name a new folder", folder.display())]
    NotABundle { folder: PathBuf, holds: String },
    #[error("`{}` is a file; --to names the bundle's folder", path.display())]
    NotAFolder { path: PathBuf },
    #[error("{} is where the run itself keeps its model; name another folder", folder.display())]
    OwnFolder { folder: PathBuf },
    #[error("the model gives no output `{output}` of the task's shape: its mtl.json is of another model")]
    OtherModel { output: String },
    #[error("mtl.json is not of this model.onnx: {what}. Export the model again: mtl export RUN --to FOLDER")]
    OtherCard { what: String },
    #[error("there is no column `{column}` to keep{}", near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    NoColumnToKeep { column: String, near: Option<String> },
    #[error(
        "the column `{column}` cannot be kept: it holds lists of lists, records or bytes, which no form of answers has"
    )]
    NestedColumnToKeep { column: String },
    /// What is wrong with the place of the answers, and what to write instead.
    #[error("{0}")]
    Destination(String),
    #[error("the model reads no preference: it was not trained with `weighting: cosmos`")]
    NoPreference,
    #[error("the preference {0}")]
    Preference(String),
    #[error("{0}")]
    Draft(String),
    /// A fault of the engine's order, never of the user's.
    #[error("stage `{stage}` was needed before it was made; this is a bug of mtl")]
    NotMade { stage: String },
    #[error("stage `{stage}` panicked; this is a bug of mtl")]
    Panicked { stage: String },
    #[error("the search chose {}, which cannot work: {reason}", choices.join(", "))]
    Choice { choices: Vec<String>, reason: String },
    #[error("interrupted before stage `{stage}`")]
    Cancelled { stage: String },
}

impl RunError {
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// A data file that cannot be read, in the words of the data room.
    pub fn reading(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let file = path.to_owned();
        move |source| {
            Self::Data(match source.kind() {
                std::io::ErrorKind::NotFound => crate::data::DataError::Absent { file },
                _ => crate::data::DataError::Unreadable { file, source },
            })
        }
    }

    /// The error and what it came from, in one sentence.
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

    /// Was the work stopped on request, rather than by a fault?
    pub fn is_interruption(&self) -> bool {
        matches!(self, Self::Cancelled { .. } | Self::Train(crate::train::TrainError::Interrupted { .. }))
    }

    /// Was the trial given up by its sweep, rather than by a fault?
    pub fn is_pruning(&self) -> bool {
        matches!(self, Self::Train(crate::train::TrainError::Pruned { .. }))
    }
}
