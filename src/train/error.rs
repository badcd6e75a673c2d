//! What can end a training.

use std::path::PathBuf;

use crate::domain::name::TaskName;
use crate::train::checkpoint;

pub type TrainResult<T> = std::result::Result<T, TrainError>;

#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Asked to stop; the checkpoint is saved.
    #[error("interrupted after step {step}; its checkpoint is saved")]
    Interrupted { step: usize },
    /// Given up by its sweep; no fault.
    #[error("pruned after epoch {epoch}: {reason}")]
    Pruned { epoch: usize, reason: String },
    /// A loss is no number any more.
    #[error(
        "the loss of task `{task}` became {loss} at step {step} (epoch {epoch}); {}; a smaller learning rate, `clip_norm` \
         or another loss may help",
        last_good(.checkpoint)
    )]
    Diverged { step: usize, epoch: usize, task: TaskName, loss: f64, checkpoint: Option<LastGoodCheckpoint> },
    /// Something cut it off from the loss: a bug in a layer.
    #[error("the variable `{variable}` is trainable, but the first step gave it no gradient")]
    NoGradient { variable: String },
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    #[error("no table has training rows")]
    NoRows,
    #[error(
        "`auto_lambda` learns from validation rows, but no table has any; raise `valid` in a table's `split`"
    )]
    NoValidRows,
    #[error("the monitor names task `{0}`, which is not a task")]
    UnknownTask(TaskName),
    #[error("the monitor needs a metric of task `{0}`, which has none")]
    NoMetric(TaskName),
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::CheckpointError),
    #[error("cannot {doing} {path}: {source}", path = .path.display())]
    File { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Model(#[from] crate::model::ModelError),
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// The last checkpoint saved before a training went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastGoodCheckpoint {
    pub path: PathBuf,
    pub step: usize,
}

fn last_good(checkpoint: &Option<LastGoodCheckpoint>) -> String {
    match checkpoint {
        Some(LastGoodCheckpoint { path, step }) => {
            format!("the last good checkpoint is {} (step {step})", path.display())
        }
        None => "no checkpoint was saved before".into(),
    }
}
