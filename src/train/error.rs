//! Errors of training.

use std::path::PathBuf;

use crate::domain::name::TaskName;
use crate::train::checkpoint;

/// The result of a training function.
pub type TrainResult<T> = std::result::Result<T, TrainError>;

/// Why a training ended without a result.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant describes it")]
pub enum TrainError {
    /// Cancelled on request; the checkpoint is saved.
    #[error("interrupted at step {step}; checkpoint saved")]
    Interrupted { step: usize },
    /// Stopped early by its sweep.
    #[error("pruned after epoch {epoch}: {reason}")]
    Pruned { epoch: usize, reason: String },
    /// A loss is not finite.
    #[error(
        "the loss of task `{task}` became {loss} at step {step} (epoch {epoch}); {}; \
         try a smaller learning rate, `clip_norm` or another loss",
        last_good(.checkpoint)
    )]
    Diverged { step: usize, epoch: usize, task: TaskName, loss: f64, checkpoint: Option<LastGoodCheckpoint> },
    /// The parameter is disconnected from the loss: a bug in a layer.
    #[error("parameter `{variable}` got no gradient in the first step, although it is trainable")]
    NoGradient { variable: String },
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    #[error("no table has training rows")]
    NoRows,
    #[error("`auto_lambda` needs validation rows, but no table has any; raise `valid` in a table's `split`")]
    NoValidRows,
    #[error("unknown task `{0}` in `train.monitor`")]
    UnknownTask(TaskName),
    #[error("task `{0}` has no metric to monitor")]
    NoMetric(TaskName),
    #[error("cannot merge run `{run}`: {reason}")]
    Merge { run: String, reason: String },
    #[error("task `{0}` is in none of the runs to merge")]
    MergeTask(TaskName),
    #[error("cannot merge runs whose heads share a weight: `{0}`")]
    MergeHeads(String),
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::CheckpointError),
    #[error("cannot {doing} {path}: {source}", path = .path.display())]
    File { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Model(#[from] crate::model::ModelError),
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// The last checkpoint that was saved before a training diverged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastGoodCheckpoint {
    /// Path of the checkpoint.
    pub path: PathBuf,
    /// Finished steps since the start of the training.
    pub step: usize,
}

fn last_good(checkpoint: &Option<LastGoodCheckpoint>) -> String {
    match checkpoint {
        Some(LastGoodCheckpoint { path, step }) => {
            format!("the last checkpoint is {} (step {step})", path.display())
        }
        None => "no checkpoint was saved".into(),
    }
}
