//! Multi-task gains (scores relative to single-task baselines): writing and reading.

use rusqlite::params;
use serde::Serialize;

use crate::domain::name::RunId;
use crate::domain::score::{Direction, Gain, Split};
use crate::store::ResultsDatabase;
use crate::store::column::{direction, read_count, split};
use crate::store::error::StoreError;
use crate::store::event::EventWriter;

/// One metric of a task, compared with the same task trained alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GainRecord {
    /// Number of the trial.
    pub trial: u32,
    /// Name of the task.
    pub task: String,
    /// The split that was scored.
    pub split: Split,
    /// Name of the metric.
    pub metric: String,
    /// Whether higher or lower is better.
    pub direction: Direction,
    /// The value after joint training; `None` if undefined.
    pub value: Option<f64>,
    /// The value after training the task alone; `None` if undefined.
    pub baseline: Option<f64>,
    /// In percent, positive where joint training is better; `None`: undefined.
    pub gain: Option<f64>,
    /// Whether the metric counts towards the task's gain.
    pub counts: bool,
}

/// The mean gain of a task on a split, or of all tasks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeanGain {
    /// Number of the trial.
    pub trial: u32,
    /// `None`: the mean over all tasks.
    pub task: Option<String>,
    /// The split that was scored.
    pub split: Split,
    /// In percent; `None`: undefined.
    pub gain: Option<f64>,
}

/// The gains of a run's trials; empty without single-task baselines.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GainRecords {
    /// The gains of all metrics.
    pub metrics: Vec<GainRecord>,
    /// First each task's, in the pipeline's order, then the mean over all tasks.
    pub means: Vec<MeanGain>,
}

impl GainRecords {
    /// The mean gain of a trial on a split, in percent: of one task, or of all tasks for `None`.
    pub fn mean(&self, trial: u32, task: Option<&str>, split: Split) -> Option<f64> {
        let matches =
            |mean: &&MeanGain| mean.trial == trial && mean.task.as_deref() == task && mean.split == split;
        self.means.iter().find(matches)?.gain
    }
}

impl EventWriter<'_> {
    pub(crate) fn gain(&self, trial: u32, gain: &Gain) -> rusqlite::Result<()> {
        self.execute(
            "INSERT INTO gains (run, trial, task, split, metric, direction, value, baseline, gain, counts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT DO UPDATE SET direction = excluded.direction, value = excluded.value,
                baseline = excluded.baseline, gain = excluded.gain, counts = excluded.counts",
            params![
                self.run,
                trial,
                gain.task.as_str(),
                gain.split.name(),
                gain.metric,
                gain.direction.name(),
                gain.value,
                gain.baseline,
                gain.gain,
                gain.counts
            ],
        )
    }
}

impl ResultsDatabase {
    /// The gains of a run's trials over their single-task baselines.
    pub fn gains(&self, run: &RunId) -> Result<GainRecords, StoreError> {
        let metrics = self.select(
            "SELECT trial, task, split, metric, direction, value, baseline, gain, counts FROM gains
              WHERE run = ?1 ORDER BY trial, rowid",
            [run.as_str()],
            |row| {
                Ok(GainRecord {
                    trial: read_count(row, 0)? as u32,
                    task: row.get(1)?,
                    split: split(&row.get::<_, String>(2)?),
                    metric: row.get(3)?,
                    direction: direction(row, 4)?,
                    value: row.get(5)?,
                    baseline: row.get(6)?,
                    gain: row.get(7)?,
                    counts: row.get(8)?,
                })
            },
        )?;
        let means = self.select(
            "SELECT trial, task, split, g.gain FROM task_gains g JOIN tasks USING (run, task)
              WHERE run = ?1
              UNION ALL SELECT trial, NULL, split, gain FROM trial_gains WHERE run = ?1",
            [run.as_str()],
            |row| {
                Ok(MeanGain {
                    trial: read_count(row, 0)? as u32,
                    task: row.get(1)?,
                    split: split(&row.get::<_, String>(2)?),
                    gain: row.get(3)?,
                })
            },
        )?;
        Ok(GainRecords { metrics, means })
    }
}
