//! Finds the best trial of a run by the validation objective of its best epoch.

use crate::domain::name::RunId;
use crate::domain::score::Direction;
use crate::store::ResultsDatabase;
use crate::store::column::{direction, read_count};
use crate::store::error::StoreError;

/// The objective value by which a trial is ranked.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialObjective {
    /// Number of the trial.
    pub trial: u32,
    /// The best epoch's value on validation rows; `None` without such rows, or before the end of the first
    /// epoch.
    pub objective: Option<f64>,
    /// Whether the trial's model was exported.
    pub exported: bool,
}

/// One of several objectives of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepObjective {
    /// Name of the task.
    pub task: String,
    /// Name of the metric.
    pub metric: String,
    /// Whether higher or lower is better.
    pub direction: Direction,
    /// The component of the hypervolume's reference point, if the pipeline sets one.
    pub reference: Option<f64>,
}

impl ResultsDatabase {
    /// The objectives of a run's multi-objective sweep; else empty.
    pub fn sweep_objectives(&self, run: &RunId) -> Result<Vec<SweepObjective>, StoreError> {
        self.select(
            "SELECT task, metric, direction, reference FROM objectives WHERE run = ?1 ORDER BY position",
            [run.as_str()],
            |row| {
                Ok(SweepObjective {
                    task: row.get(0)?,
                    metric: row.get(1)?,
                    direction: direction(row, 2)?,
                    reference: row.get(3)?,
                })
            },
        )
    }

    /// The objective value of each trial of a run.
    pub fn objectives(&self, run: &RunId) -> Result<Vec<TrialObjective>, StoreError> {
        self.select(
            "SELECT trial, objective, exported FROM trial_objectives WHERE run = ?1 ORDER BY trial",
            [run.as_str()],
            |row| {
                Ok(TrialObjective {
                    trial: read_count(row, 0)? as u32,
                    objective: row.get(1)?,
                    exported: row.get(2)?,
                })
            },
        )
    }

    /// For each trial trained in this run: its number, its finished epochs and their seconds.
    pub fn epochs_done(&self, run: &RunId) -> Result<Vec<(u32, usize, f64)>, StoreError> {
        self.select(
            "SELECT trial, count(*), coalesce(sum(seconds), 0.0) FROM epochs
              WHERE run = ?1 GROUP BY trial ORDER BY trial",
            [run.as_str()],
            |row| Ok((read_count(row, 0)? as u32, read_count(row, 1)? as usize, row.get(2)?)),
        )
    }

    /// Which objective values of a run are better.
    pub fn direction(&self, run: &RunId) -> Result<Direction, StoreError> {
        let sql = "SELECT direction FROM runs WHERE run = ?1";
        let directions = self.select(sql, [run.as_str()], |row| direction(row, 0))?;
        Ok(directions.first().copied().unwrap_or(Direction::Lower))
    }

    /// The best trial with an exported model; the first of equally good ones. `None`: no model was exported.
    pub fn best_trial(&self, run: &RunId) -> Result<Option<u32>, StoreError> {
        let direction = self.direction(run)?;
        let mut exported = self.objectives(run)?.into_iter().filter(|trial| trial.exported);
        let Some(first) = exported.next() else { return Ok(None) };
        let best = exported.fold(first, |best, trial| match (trial.objective, best.objective) {
            (Some(value), Some(best_value)) if direction.prefers(value, best_value) => trial,
            (Some(_), None) => trial,
            _ => best,
        });
        Ok(Some(best.trial))
    }
}
