//! What a network that reads its preference scores for each of several, written and read.

use rusqlite::params;
use serde::Serialize;

use crate::domain::event::{MetricReference, PreferenceScores};
use crate::domain::name::RunId;
use crate::domain::score::{Direction, Split};
use crate::store::ResultsDatabase;
use crate::store::column::{direction, read_count, split};
use crate::store::error::StoreError;
use crate::store::event::EventWriter;

/// One metric of one task for one preference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrontRecord {
    /// Which preference, from 0.
    pub point: usize,
    pub task: String,
    /// How much it prefers the task.
    pub share: f64,
    pub split: Split,
    pub metric: String,
    pub direction: Direction,
    /// `None`: undefined.
    pub value: Option<f64>,
    pub rows: usize,
    /// Up to where the front's hypervolume reaches, where the pipeline says so.
    pub reference: Option<f64>,
}

impl EventWriter<'_> {
    pub(crate) fn front_reference(&self, trial: u32, worst: &MetricReference) -> rusqlite::Result<()> {
        self.execute(
            "INSERT INTO front_references (run, trial, task, metric, value) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET metric = excluded.metric, value = excluded.value",
            params![self.run, trial, worst.task.as_str(), worst.metric, worst.value],
        )?;
        Ok(())
    }

    pub(crate) fn front(&self, trial: u32, point: usize, result: &PreferenceScores) -> rusqlite::Result<()> {
        for score in &result.scores {
            let share = result.preference.iter().find(|share| share.task == score.task);
            self.execute(
                "INSERT INTO fronts (run, trial, point, task, split, metric, share, value, direction, rows)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 ON CONFLICT DO UPDATE SET share = excluded.share, value = excluded.value,
                    direction = excluded.direction, rows = excluded.rows",
                params![
                    self.run,
                    trial,
                    point as i64,
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
    /// What a trial's network scores for each preference, in their order; empty where it reads none.
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
