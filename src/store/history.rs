//! Queries over all runs: listing, run states, deletion.

use rusqlite::{OptionalExtension, Row};

use crate::domain::event::RunState;
use crate::domain::name::RunId;
use crate::domain::score::Split;
use crate::store::ResultsDatabase;
use crate::store::column::{direction, read_count, run_id, split, state};
use crate::store::error::StoreError;
use crate::store::record::{RunListItem, ScoreRecord};

impl ResultsDatabase {
    /// All runs, newest first.
    pub fn runs(&self) -> Result<Vec<RunListItem>, StoreError> {
        let mut runs = self.select(
            "SELECT run, pipeline, state, started_at, updated_at, finished_at, seconds, seed, stages,
                    (SELECT count(*) FROM trials t WHERE t.run = r.run),
                    (SELECT count(*) FROM stages s WHERE s.run = r.run AND s.state = 'finished')
               FROM runs r ORDER BY started_at DESC, rowid DESC",
            [],
            |row| {
                Ok(RunListItem {
                    run: run_id(row, 0)?,
                    pipeline: row.get(1)?,
                    state: state(&row.get::<_, String>(2)?),
                    started_at: row.get(3)?,
                    updated_at: row.get(4)?,
                    finished_at: row.get(5)?,
                    seconds: row.get(6)?,
                    seed: read_count(row, 7)?,
                    stages: read_count(row, 8)? as usize,
                    trials: read_count(row, 9)? as usize,
                    stages_done: read_count(row, 10)? as usize,
                    headline: Vec::new(),
                })
            },
        )?;
        for run in &mut runs {
            let best = self.best_trial(&run.run)?.unwrap_or(1);
            let mut seen = Vec::new();
            run.headline = self.scores(&run.run)?;
            run.headline.retain(|score| {
                let first = score.trial == best && score.split == Split::Test && !seen.contains(&score.task);
                if first {
                    seen.push(score.task.clone());
                }
                first
            });
        }
        Ok(runs)
    }

    /// The newest finished run of a pipeline.
    pub fn last_finished(&self, pipeline: &str) -> Result<Option<RunId>, StoreError> {
        let runs = self.select(
            "SELECT run FROM runs WHERE pipeline = ?1 AND state = 'finished'
              ORDER BY started_at DESC, rowid DESC",
            [pipeline],
            |row| run_id(row, 0),
        )?;
        Ok(runs.into_iter().next())
    }

    /// The newest run with an exported model.
    pub fn newest_with_model(&self) -> Result<Option<RunId>, StoreError> {
        let runs = self.select(
            "SELECT run FROM runs r
              WHERE EXISTS (SELECT 1 FROM artifacts a WHERE a.run = r.run AND a.kind = 'onnx')
              ORDER BY started_at DESC, rowid DESC LIMIT 1",
            [],
            |row| run_id(row, 0),
        )?;
        Ok(runs.into_iter().next())
    }

    /// Names of all runs, newest first.
    pub(crate) fn run_names(&self) -> Result<Vec<String>, StoreError> {
        self.select("SELECT run FROM runs ORDER BY started_at DESC, rowid DESC", [], |row| row.get(0))
    }

    /// Runs recorded as running. A run's lock file shows whether a process still works on it.
    pub fn running(&self) -> Result<Vec<RunId>, StoreError> {
        self.select("SELECT run FROM runs WHERE state = 'running' ORDER BY started_at", [], |row| {
            run_id(row, 0)
        })
    }

    /// The state of a run; `None` if there is no such run.
    pub fn state(&self, run: &RunId) -> Result<Option<RunState>, StoreError> {
        self.connection
            .query_row("SELECT state FROM runs WHERE run = ?1", [run.as_str()], |row| row.get::<_, String>(0))
            .optional()
            .map(|name| name.as_deref().map(state))
            .map_err(|source| self.failed(source))
    }

    /// Marks those of these runs that are recorded as running as interrupted. Their end is their last
    /// recorded activity.
    pub fn mark_interrupted(&self, runs: &[RunId]) -> Result<(), StoreError> {
        if runs.is_empty() {
            return Ok(());
        }
        let failed = |source| self.failed(source);
        let transaction = self.connection.unchecked_transaction().map_err(failed)?;
        for run in runs {
            let changed = transaction
                .execute(
                    "UPDATE runs SET state = 'interrupted', finished_at = updated_at,
                            seconds = coalesce(seconds,
                                               (julianday(updated_at) - julianday(started_at)) * 86400)
                      WHERE run = ?1 AND state = 'running'",
                    [run.as_str()],
                )
                .map_err(failed)?;
            if changed > 0 {
                transaction
                    .execute(
                        "UPDATE stages SET state = 'interrupted' WHERE run = ?1 AND state = 'running'",
                        [run.as_str()],
                    )
                    .map_err(failed)?;
            }
        }
        transaction.commit().map_err(failed)
    }

    /// Deletes a run from every table; returns `false` if there was none. The caller deletes the run's
    /// folder.
    pub fn remove(&self, run: &RunId) -> Result<bool, StoreError> {
        self.connection
            .execute("DELETE FROM runs WHERE run = ?1", [run.as_str()])
            .map(|removed| removed > 0)
            .map_err(|source| self.failed(source))
    }

    /// Kind and fingerprint of the stages of all recorded runs: the artifacts that `mtl gc` must keep.
    pub fn stage_fingerprints(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.select(
            "SELECT DISTINCT kind, fingerprint FROM stages WHERE fingerprint IS NOT NULL ORDER BY 1, 2",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    /// The final scores of a run, in recording order.
    pub fn scores(&self, run: &RunId) -> Result<Vec<ScoreRecord>, StoreError> {
        self.select(
            "SELECT trial, task, split, metric, value, direction, rows, epoch, low, high
               FROM scores WHERE run = ?1 ORDER BY trial, rowid",
            [run.as_str()],
            score,
        )
    }

    pub(crate) fn select<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(|source| self.failed(source))?;
        let rows = statement.query_map(values, read).map_err(|source| self.failed(source))?;
        let rows = rows.collect::<Result<_, _>>();
        // Checked first: if the file has changed, even an error of SQLite is meaningless.
        self.check_unchanged()?;
        rows.map_err(|source| self.failed(source))
    }
}

/// Reads the columns trial, task, split, metric, value, direction, rows, epoch, low, high.
pub(crate) fn score(row: &Row<'_>) -> rusqlite::Result<ScoreRecord> {
    Ok(ScoreRecord {
        trial: read_count(row, 0)? as u32,
        task: row.get(1)?,
        split: split(&row.get::<_, String>(2)?),
        metric: row.get(3)?,
        value: row.get(4)?,
        direction: direction(row, 5)?,
        rows: read_count(row, 6)? as usize,
        epoch: read_count(row, 7)? as usize,
        low: row.get(8)?,
        high: row.get(9)?,
    })
}
