//! Task affinities (the effect of one task's step on another task's loss) and gradient cosines: writing and
//! reading.

use rusqlite::params;
use serde::Serialize;

use crate::domain::event::Affinity;
use crate::domain::name::RunId;
use crate::store::ResultsDatabase;
use crate::store::column::read_count;
use crate::store::error::StoreError;
use crate::store::event::EventWriter;

/// The effect of one task on another over a whole training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AffinityRecord {
    /// The task that takes the step.
    pub task: String,
    /// The task whose loss is measured.
    pub other: String,
    /// Mean of 1 - loss after / loss before; positive where the step helps.
    pub value: Option<f64>,
    /// Number of measurements.
    pub steps: usize,
}

/// One measurement for a pair of tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct AffinityReading {
    /// The step or the epoch of the measurement.
    pub at: usize,
    /// The task whose step was measured.
    pub task: String,
    /// The task whose loss changed.
    pub other: String,
    /// The relative decrease of the loss.
    pub value: f64,
}

impl EventWriter<'_> {
    pub(crate) fn affinity(&self, trial: u32, epoch: usize, pair: &Affinity) -> rusqlite::Result<()> {
        let Affinity { task, other, value, steps, each } = pair;
        // A step whose batch was split into parts has several measurements: store their mean.
        let mut by_step: Vec<(usize, f64, usize)> = Vec::new();
        for (step, value) in each {
            match by_step.last_mut().filter(|last| last.0 == *step) {
                Some((_, sum, count)) => (*sum, *count) = (*sum + value, *count + 1),
                None => by_step.push((*step, *value, 1)),
            }
        }
        by_step.iter().try_for_each(|(step, sum, count)| {
            self.execute(
                "INSERT INTO affinity_steps (run, trial, epoch, step, task, other, value)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET value = excluded.value",
                params![
                    self.run,
                    trial,
                    epoch as i64,
                    *step as i64,
                    task.as_str(),
                    other.as_str(),
                    sum / *count as f64
                ],
            )
        })?;
        self.execute(
            "INSERT INTO affinities (run, trial, epoch, task, other, value, steps)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET value = excluded.value, steps = excluded.steps",
            params![self.run, trial, epoch as i64, task.as_str(), other.as_str(), value, *steps as i64],
        )
    }
}

impl ResultsDatabase {
    /// The affinities of a trial's tasks, averaged over all measurements of its training.
    pub fn affinities(&self, run: &RunId, trial: u32) -> Result<Vec<AffinityRecord>, StoreError> {
        self.pairs("affinities", "value", run, trial)
    }

    /// The cosines between the gradients of a trial's tasks, averaged over all steps of its training.
    pub fn cosines(&self, run: &RunId, trial: u32) -> Result<Vec<AffinityRecord>, StoreError> {
        self.pairs("gradients", "cosine", run, trial)
    }

    /// Each measurement of a trial's affinities, ordered by step.
    pub fn affinity_steps(&self, run: &RunId, trial: u32) -> Result<Vec<AffinityReading>, StoreError> {
        self.readings("step", "value", "affinity_steps", run, trial)
    }

    /// The epoch means of a trial's affinities, for trials that recorded no single measurements.
    pub fn affinity_epochs(&self, run: &RunId, trial: u32) -> Result<Vec<AffinityReading>, StoreError> {
        self.readings("epoch", "value", "affinities", run, trial)
    }

    /// The gradient cosines, averaged over the steps of each epoch.
    pub fn cosine_epochs(&self, run: &RunId, trial: u32) -> Result<Vec<AffinityReading>, StoreError> {
        self.readings("epoch", "cosine", "gradients", run, trial)
    }

    fn readings(
        &self,
        time: &str,
        column: &str,
        table: &str,
        run: &RunId,
        trial: u32,
    ) -> Result<Vec<AffinityReading>, StoreError> {
        let sql = format!(
            "SELECT {time}, task, other, {column} FROM {table}
              WHERE run = ?1 AND trial = ?2 AND {column} IS NOT NULL ORDER BY {time}, rowid"
        );
        self.select(&sql, params![run.as_str(), trial], |row| {
            Ok(AffinityReading {
                at: read_count(row, 0)? as usize,
                task: row.get(1)?,
                other: row.get(2)?,
                value: row.get(3)?,
            })
        })
    }

    fn pairs(
        &self,
        table: &str,
        column: &str,
        run: &RunId,
        trial: u32,
    ) -> Result<Vec<AffinityRecord>, StoreError> {
        let sql = format!(
            "SELECT task, other, sum({column} * steps) / sum(steps), sum(steps) FROM {table}
              WHERE run = ?1 AND trial = ?2 GROUP BY task, other ORDER BY min(rowid)"
        );
        self.select(&sql, params![run.as_str(), trial], |row| {
            Ok(AffinityRecord {
                task: row.get(0)?,
                other: row.get(1)?,
                value: row.get(2)?,
                steps: read_count(row, 3)? as usize,
            })
        })
    }
}
