//! Which trial of a run is the best one: by what its best epoch was chosen by, on validation rows.

use crate::domain::name::RunId;
use crate::domain::score::Direction;
use crate::store::ResultsDatabase;
use crate::store::column::{direction, read_count};
use crate::store::error::StoreError;

/// What a trial is judged by.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialObjective {
    pub trial: u32,
    /// Of the best epoch so far, on validation rows; `None` without such rows, or before the first epoch's
    /// end.
    pub objective: Option<f64>,
    /// Its model has been written.
    pub exported: bool,
}

/// One of several objectives of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepObjective {
    pub task: String,
    pub metric: String,
    pub direction: Direction,
    /// Up to where the hypervolume reaches, where the pipeline says so.
    pub reference: Option<f64>,
}

impl ResultsDatabase {
    /// What a run's sweep weighs its trials by; nothing where it names no objectives.
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

    /// What each trial of a run is judged by.
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

    /// Of each trial that is or was trained here, the epochs that are done and their seconds.
    pub fn epochs_done(&self, run: &RunId) -> Result<Vec<(u32, usize, f64)>, StoreError> {
        self.select(
            "SELECT trial, count(*), coalesce(sum(seconds), 0.0) FROM epochs WHERE run = ?1 GROUP BY trial ORDER BY trial",
            [run.as_str()],
            |row| Ok((read_count(row, 0)? as u32, read_count(row, 1)? as usize, row.get(2)?)),
        )
    }

    /// Which values of the objective are better.
    pub fn direction(&self, run: &RunId) -> Result<Direction, StoreError> {
        let sql = "SELECT direction FROM runs WHERE run = ?1";
        let result = self.select(sql, [run.as_str()], |row| direction(row, 0))?;
        Ok(result.first().copied().unwrap_or(Direction::Lower))
    }

    /// The best trial whose model has been written; the first of equals. `None`: none has been.
    pub fn best_trial(&self, run: &RunId) -> Result<Option<u32>, StoreError> {
        let direction = self.direction(run)?;
        let mut written = self.objectives(run)?.into_iter().filter(|trial| trial.exported);
        let Some(first) = written.next() else { return Ok(None) };
        let best = written.fold(first, |best, trial| match (trial.objective, best.objective) {
            (Some(value), Some(known)) if direction.prefers(value, known) => trial,
            (Some(_), None) => trial,
            _ => best,
        });
        Ok(Some(best.trial))
    }
}
