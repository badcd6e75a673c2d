//! Parity of exported models with the trained networks, and the scores of models with rounded weights.

use rusqlite::params;
use serde::Serialize;

use crate::domain::event::{ExportedScore, OutputParity};
use crate::domain::name::RunId;
use crate::domain::precision::Precision;
use crate::domain::score::{Direction, Split};
use crate::store::ResultsDatabase;
use crate::store::column::{direction, read_count, split};
use crate::store::error::StoreError;
use crate::store::event::EventWriter;

/// Agreement of an exported model with the trained network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParityRecord {
    /// Whether all differences are within the tolerance.
    pub verified: bool,
    /// Why it was not verified.
    pub reason: Option<String>,
    /// Largest relative difference; `None`: not compared, or NaN.
    pub largest: Option<f64>,
    /// Largest allowed difference.
    pub tolerance: f64,
    /// Numbers of rows in the compared batches, comma-separated.
    pub batches: String,
    /// Version of ONNX Runtime.
    pub onnx_runtime: Option<String>,
    /// Each output's largest difference.
    pub outputs: Vec<OutputParity>,
    /// The precision of the exported model.
    pub precision: Precision,
    /// Scores of a model with rounded weights.
    pub scores: Vec<ExportedScoreRecord>,
}

impl ParityRecord {
    /// Whether the model was compared and is within the tolerance.
    pub fn holds(&self) -> bool {
        self.verified && self.largest.is_some_and(|largest| largest <= self.tolerance)
    }

    /// Whether the model was compared and differs only as rounded weights may.
    pub fn is_rounded(&self) -> bool {
        self.verified && self.precision.is_reduced() && self.largest.is_some_and(|largest| largest < f64::MAX)
    }
}

/// One metric of an exported model with rounded weights.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExportedScoreRecord {
    /// Name of the task.
    pub task: String,
    /// The split that was scored.
    pub split: Split,
    /// Name of the metric.
    pub metric: String,
    /// The metric of the exported model.
    pub value: Option<f64>,
    /// The same metric of the trained network.
    pub trained: Option<f64>,
    /// Whether higher or lower is better.
    pub direction: Direction,
    /// Number of labelled rows.
    pub rows: usize,
}

impl EventWriter<'_> {
    pub(crate) fn exported_score(&self, trial: u32, exported: &ExportedScore) -> rusqlite::Result<()> {
        let score = &exported.score;
        self.execute(
            "INSERT OR REPLACE INTO exported_scores (run, trial, task, split, metric, value, trained,
                                                     direction, rows)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                self.run,
                trial,
                score.task.as_str(),
                score.split.name(),
                score.metric,
                score.value,
                exported.trained,
                score.direction.name(),
                score.rows as i64
            ],
        )
    }
}

impl ResultsDatabase {
    /// A trial's parity; `None` if it was not verified yet.
    pub(crate) fn parity(&self, run: &RunId, trial: u32) -> Result<Option<ParityRecord>, StoreError> {
        let key = rusqlite::params![run.as_str(), trial];
        let outputs = self.select(
            "SELECT output, largest FROM parity_outputs WHERE run = ?1 AND trial = ?2 ORDER BY rowid",
            key,
            |row| {
                let largest = row.get::<_, Option<f64>>(1)?.unwrap_or(f64::NAN);
                Ok(OutputParity { output: row.get(0)?, largest })
            },
        )?;
        let scores = self.exported_scores(run, trial)?;
        let records = self.select(
            "SELECT verified, reason, largest, tolerance, batches, onnx_runtime, precision
               FROM parity WHERE run = ?1 AND trial = ?2",
            key,
            |row| {
                Ok(ParityRecord {
                    verified: row.get(0)?,
                    reason: row.get(1)?,
                    largest: row.get(2)?,
                    tolerance: row.get(3)?,
                    batches: row.get(4)?,
                    onnx_runtime: row.get(5)?,
                    outputs: outputs.clone(),
                    precision: Precision::from_name(&row.get::<_, String>(6)?).unwrap_or_default(),
                    scores: scores.clone(),
                })
            },
        )?;
        Ok(records.into_iter().next())
    }

    fn exported_scores(&self, run: &RunId, trial: u32) -> Result<Vec<ExportedScoreRecord>, StoreError> {
        self.select(
            "SELECT task, split, metric, value, trained, direction, rows FROM exported_scores
              WHERE run = ?1 AND trial = ?2 ORDER BY rowid",
            params![run.as_str(), trial],
            |row| {
                Ok(ExportedScoreRecord {
                    task: row.get(0)?,
                    split: split(&row.get::<_, String>(1)?),
                    metric: row.get(2)?,
                    value: row.get(3)?,
                    trained: row.get(4)?,
                    direction: direction(row, 5)?,
                    rows: read_count(row, 6)? as usize,
                })
            },
        )
    }
}
