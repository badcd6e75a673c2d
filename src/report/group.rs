//! Trials with the same settings, put together.

use serde::Serialize;

use crate::domain::score::{Direction, Split};
use crate::domain::trial_address::TrialAddress;
use crate::report::seeds::Estimate;
use crate::report::student::Mean;
use crate::report::style::Tone;
use crate::report::table::Cell;

/// Trials with the same settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
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
    pub objective: Option<Estimate>,
    /// Mean over tasks of its place among the groups, by the scores of the sweep's `split`.
    pub rank: Option<f64>,
    pub tasks: Vec<TaskMean>,
    /// Over each task trained alone, in percent, the mean over tasks.
    pub gain: GainMean,
}

/// A gain on both splits, where tasks were trained alone too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct GainMean {
    pub valid: Option<Estimate>,
    pub test: Option<Estimate>,
}

/// The first metric of a task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskMean {
    pub task: String,
    pub metric: String,
    pub direction: Direction,
    pub valid: Option<Estimate>,
    pub test: Option<Estimate>,
    /// From equal weights, paired by seed, all else the same, on the sweep's `split`.
    pub difference: Option<Mean>,
    /// Of the t-test of these differences.
    pub p: Option<f64>,
    /// The same, corrected by Holm for the groups that are tested for this task.
    pub p_holm: Option<f64>,
    /// Over the task trained alone, in percent, on the test split.
    pub gain: Option<Estimate>,
}

impl TaskMean {
    pub(crate) fn on(&self, split: Split) -> Option<Estimate> {
        if split == Split::Valid { self.valid } else { self.test }
    }
}

/// Its settings, as a table names them.
pub(crate) fn names(group: &Group) -> Vec<Cell> {
    group.called.iter().map(|setting| Cell::new(Tone::Strong, setting)).collect()
}
