//! What a step of one task does to another's loss, written and read; and how alike the tasks' gradients were.

use rusqlite::params;
use serde::Serialize;

use crate::domain::event::Affinity;
use crate::domain::name::RunId;
use crate::store::Store;
use crate::store::error::Error;
use crate::store::event::Writer;
use crate::store::history::whole;

/// What one task does to another, over a whole training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AffinityRecord {
    /// Whose step.
    pub task: String,
    /// Whose loss.
    pub other: String,
    /// Above 0, it helps.
    pub value: Option<f64>,
    pub steps: usize,
}

impl Writer<'_> {
    pub(crate) fn affinity(&self, trial: u32, epoch: usize, pair: &Affinity) -> rusqlite::Result<()> {
        let Affinity { task, other, value, steps } = pair;
        self.execute(
            "INSERT INTO affinities (run, trial, epoch, task, other, value, steps)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET value = excluded.value, steps = excluded.steps",
            params![self.run, trial, epoch as i64, task.as_str(), other.as_str(), value, *steps as i64],
        )
    }
}

impl Store {
    /// The affinities of a trial's tasks, mean over every measurement of its training.
    pub fn affinities(&self, run: &RunId, trial: u32) -> Result<Vec<AffinityRecord>, Error> {
        self.pairs("affinities", "value", run, trial)
    }

    /// The cosines between the gradients of a trial's tasks, mean over every step of its training.
    pub fn cosines(&self, run: &RunId, trial: u32) -> Result<Vec<AffinityRecord>, Error> {
        self.pairs("gradients", "cosine", run, trial)
    }

    fn pairs(
        &self,
        table: &str,
        column: &str,
        run: &RunId,
        trial: u32,
    ) -> Result<Vec<AffinityRecord>, Error> {
        let sql = format!(
            "SELECT task, other, sum({column} * steps) / sum(steps), sum(steps) FROM {table}
              WHERE run = ?1 AND trial = ?2 GROUP BY task, other ORDER BY min(rowid)"
        );
        self.select(&sql, params![run.as_str(), trial], |row| {
            Ok(AffinityRecord {
                task: row.get(0)?,
                other: row.get(1)?,
                value: row.get(2)?,
                steps: whole(row, 3)? as usize,
            })
        })
    }
}
