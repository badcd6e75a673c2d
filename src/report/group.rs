//! Groups of trials with the same settings.

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
    /// One value per grouping setting.
    pub settings: Vec<String>,
    /// The same, shortened to what distinguishes the groups.
    #[serde(skip)]
    pub called: Vec<String>,
    /// `census-3f2a#1`
    pub trials: Vec<TrialAddress>,
    /// Number of distinct seeds.
    pub seeds: usize,
    /// Number of pruned trials with these settings, which no mean includes.
    pub pruned: usize,
    /// The objective of the best epochs, on validation rows.
    pub objective: Option<SeedEstimate>,
    /// The group's mean rank over the tasks, by the scores on the sweep's `split`.
    pub rank: Option<f64>,
    /// The mean scores of each task.
    pub tasks: Vec<TaskMean>,
    /// Gain over single-task training in percent, the mean over tasks.
    pub gain: GainMean,
}

/// A gain on the validation and the test split; `None` without single-task baselines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct GainMean {
    /// On validation rows.
    pub valid: Option<SeedEstimate>,
    /// On test rows.
    pub test: Option<SeedEstimate>,
}

/// The mean of a task's first metric over the trials of a group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskMean {
    /// Name of the task.
    pub task: String,
    /// Name of the metric.
    pub metric: String,
    /// Whether higher or lower is better.
    pub direction: Direction,
    /// On validation rows; `None` if it was not scored.
    pub valid: Option<SeedEstimate>,
    /// On test rows; `None` if it was not scored.
    pub test: Option<SeedEstimate>,
    /// The difference from the group with equal weights and otherwise the same settings, paired by seed, on
    /// the sweep's `split`.
    pub difference: Option<ConfidenceMean>,
    /// The p-value of a t-test of these differences.
    pub p: Option<f64>,
    /// The p-value after Holm's correction for the groups tested for this task.
    pub p_holm: Option<f64>,
    /// Gain over training the task alone, in percent, on the test split.
    pub gain: Option<SeedEstimate>,
}

impl TaskMean {
    pub(crate) fn on(&self, split: Split) -> Option<SeedEstimate> {
        if split == Split::Valid { self.valid } else { self.test }
    }
}

/// The cells of a group's settings.
pub(crate) fn names(group: &TrialGroup) -> Vec<TableCell> {
    group.called.iter().map(|setting| TableCell::new(TextTone::Strong, setting)).collect()
}
