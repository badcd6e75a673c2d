//! Scores of a preference-conditioned network, one set per preference vector: writing and reading.

use rusqlite::params;
use serde::Serialize;

use crate::domain::event::{MetricReference, PreferenceScores};
use crate::domain::name::RunId;
use crate::domain::score::{Direction, Split};
use crate::store::ResultsDatabase;
use crate::store::column::{direction, read_count, split};
use crate::store::error::StoreError;
use crate::store::event::EventWriter;

/// One metric of one task for one preference vector.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrontRecord {
    /// Zero-based index of the preference vector.
    pub point: usize,
    /// Name of the task.
    pub task: String,
    /// The task's component of the preference vector.
    pub share: f64,
    /// The split that was scored.
    pub split: Split,
    /// Name of the metric.
    pub metric: String,
    /// Whether higher or lower is better.
    pub direction: Direction,
    /// `None`: undefined.
    pub value: Option<f64>,
    /// Number of scored rows.
    pub rows: usize,
    /// The task's component of the hypervolume's reference point, if the pipeline sets one.
    pub reference: Option<f64>,
}

impl EventWriter<'_> {
    pub(crate) fn front_reference(&self, trial: u32, reference: &MetricReference) -> rusqlite::Result<()> {
        let MetricReference { task, metric, value } = reference;
        self.execute(
            "INSERT INTO front_references (run, trial, task, metric, value) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET metric = excluded.metric, value = excluded.value",
            params![self.run, trial, task.as_str(), metric, value],
        )
    }

    pub(crate) fn front(&self, trial: u32, index: usize, point: &PreferenceScores) -> rusqlite::Result<()> {
        for score in &point.scores {
            let share = point.preference.iter().find(|share| share.task == score.task);
            self.execute(
                "INSERT INTO fronts (run, trial, point, task, split, metric, share, value, direction, rows)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 ON CONFLICT DO UPDATE SET share = excluded.share, value = excluded.value,
                    direction = excluded.direction, rows = excluded.rows",
                params![
                    self.run,
                    trial,
                    index as i64,
                    score.task.as_str(),
                    score.split.name(),
                    score.metric,
                    share.map_or(0.0, |share| share.value),
                    score.value,
                    score.direction.name(),
                    score.rows as i64
                ],
            )?;
        }
        Ok(())
    }
}

impl ResultsDatabase {
    /// The scores of a trial's network for each preference vector, in order; empty if the network reads none.
    pub fn front(&self, run: &RunId, trial: u32) -> Result<Vec<FrontRecord>, StoreError> {
        let sql = "SELECT point, task, share, split, metric, direction, fronts.value, rows, worst.value
                     FROM fronts LEFT JOIN front_references AS worst USING (run, trial, task, metric)
                    WHERE run = ?1 AND trial = ?2 ORDER BY point, fronts.rowid";
        self.select(sql, params![run.as_str(), trial], |row| {
            Ok(FrontRecord {
                point: read_count(row, 0)? as usize,
                task: row.get(1)?,
                share: row.get(2)?,
                split: split(&row.get::<_, String>(3)?),
                metric: row.get(4)?,
                direction: direction(row, 5)?,
                value: row.get(6)?,
                rows: read_count(row, 7)? as usize,
                reference: row.get(8)?,
            })
        })
    }
}
