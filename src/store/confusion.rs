//! Confusion matrices: writing and reading.

use rusqlite::params;
use serde::Serialize;

use crate::domain::confusion::ConfusionMatrix;
use crate::domain::name::RunId;
use crate::domain::score::Split;
use crate::store::ResultsDatabase;
use crate::store::column::{read_count, split};
use crate::store::error::StoreError;
use crate::store::event::EventWriter;

/// How often one class was predicted to be another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConfusionRecord {
    /// Number of the trial.
    pub trial: u32,
    /// Name of the task.
    pub task: String,
    /// The label of a multilabel task; empty for other tasks.
    pub label: String,
    /// The split that was scored.
    pub split: Split,
    /// The true class.
    pub truth: String,
    /// The predicted class.
    pub predicted: String,
    /// Number of rows, steps or pixels.
    pub rows: usize,
}

impl EventWriter<'_> {
    pub(crate) fn confusion(&self, trial: u32, matrix: &ConfusionMatrix) -> rusqlite::Result<()> {
        let ConfusionMatrix { task, split, label, classes, counts } = matrix;
        // A second evaluation may leave out cells that the first had.
        self.execute(
            "DELETE FROM confusions WHERE run = ?1 AND trial = ?2 AND task = ?3 AND label = ?4 AND split = ?5",
            params![self.run, trial, task.as_str(), label, split.name()],
        )?;
        counts.iter().try_for_each(|(truth, predicted, rows)| {
            let name = |class: u32| classes.get(class as usize).map_or("", String::as_str);
            self.execute(
                "INSERT INTO confusions (run, trial, task, label, split, truth, predicted, rows)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT DO UPDATE SET rows = rows + excluded.rows",
                params![
                    self.run,
                    trial,
                    task.as_str(),
                    label,
                    split.name(),
                    name(*truth),
                    name(*predicted),
                    *rows as i64
                ],
            )
        })
    }
}

impl ResultsDatabase {
    /// The confusion matrices of a run's trials, in the order of recording.
    pub fn confusions(&self, run: &RunId) -> Result<Vec<ConfusionRecord>, StoreError> {
        self.select(
            "SELECT trial, task, label, split, truth, predicted, rows FROM confusions WHERE run = ?1
              ORDER BY trial, rowid",
            [run.as_str()],
            |row| {
                Ok(ConfusionRecord {
                    trial: read_count(row, 0)? as u32,
                    task: row.get(1)?,
                    label: row.get(2)?,
                    split: split(&row.get::<_, String>(3)?),
                    truth: row.get(4)?,
                    predicted: row.get(5)?,
                    rows: read_count(row, 6)? as usize,
                })
            },
        )
    }
}
