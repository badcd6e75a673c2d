//! Confusion matrices: how often cells of one class were predicted to be of another.

use serde::{Deserialize, Serialize};

use crate::domain::name::TaskName;
use crate::domain::score::Split;

/// The confusion matrix of a task on a split, or of one label of a multilabel task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    /// Name of the task.
    pub task: TaskName,
    /// The split that was scored.
    pub split: Split,
    /// The label of a multilabel task; empty for other tasks.
    pub label: String,
    /// Names of the classes; those without training rows come last.
    pub classes: Vec<String>,
    /// True class, predicted class, and the number of rows, steps or pixels, where it is not 0; in order.
    pub counts: Vec<(u32, u32, u64)>,
}
