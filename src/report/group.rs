//! Trials with the same settings, put together.

use serde::Serialize;

use crate::domain::score::{Direction, Split};
use crate::domain::trial_address::TrialAddress;
use crate::report::seeds::SeedEstimate;
use crate::report::student::ConfidenceMean;
use crate::report::style::TextTone;
use crate::report::table::TableCell;

/// Trials with the same settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialGroup {
    /// One per address.
    pub settings: Vec<String>,
    /// The same, as short as tells the groups apart.
    #[serde(skip)]
    pub called: Vec<String>,
    /// `census-3f2a#1`
    pub trials: Vec<TrialAddress>,
    /// Different seeds among them.
    pub seeds: usize,
    /// Trials of these settings that were given up, left out of every mean.
    pub pruned: usize,
    /// What the best epochs were chosen by, on validation rows.
    pub objective: Option<SeedEstimate>,
    /// Mean over tasks of its place among the groups, by the scores of the sweep's `split`.
    pub rank: Option<f64>,
    pub tasks: Vec<TaskMean>,
    /// Over each task trained alone, in percent, the mean over tasks.
    pub gain: GainMean,
}

/// A gain on both splits, where tasks were trained alone too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct GainMean {
    pub valid: Option<SeedEstimate>,
    pub test: Option<SeedEstimate>,
}

/// The first metric of a task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskMean {
    pub task: String,
    pub metric: String,
    pub direction: Direction,
    pub valid: Option<SeedEstimate>,
    pub test: Option<SeedEstimate>,
    /// From equal weights, paired by seed, all else the same, on the sweep's `split`.
    pub difference: Option<ConfidenceMean>,
    /// Of the t-test of these differences.
    pub p: Option<f64>,
    /// The same, corrected by Holm for the groups that are tested for this task.
    pub p_holm: Option<f64>,
    /// Over the task trained alone, in percent, on the test split.
    pub gain: Option<SeedEstimate>,
}

impl TaskMean {
    pub(crate) fn on(&self, split: Split) -> Option<SeedEstimate> {
        if split == Split::Valid { self.valid } else { self.test }
    }
}

/// Its settings, as a table names them.
pub(crate) fn names(group: &TrialGroup) -> Vec<TableCell> {
    group.called.iter().map(|setting| TableCell::new(TextTone::Strong, setting)).collect()
}
