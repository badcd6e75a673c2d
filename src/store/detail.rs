//! Reads one run: everything recorded about it, and its per-epoch records.

use rusqlite::OptionalExtension;

use crate::domain::name::RunId;
use crate::store::ResultsDatabase;
use crate::store::column::{optional_count, read_count, run_id, split, state};
use crate::store::curve::{GRADIENT_COLUMNS, SHARE_COLUMNS, gradient_record, share_record};
use crate::store::error::StoreError;
use crate::store::gain::GainRecords;
use crate::store::header::Environment;
use crate::store::history::score;
use crate::store::parameter::ConfigParameter;
use crate::store::record::{
    ArtifactRecord, EpochRecord, FileRecord, LabelRecord, NoteRecord, RunDetail, StageRecord, TableRecord,
    TaskRecord, TrialRecord,
};

/// A row of `losses` or `weights`.
struct TaskValueRow {
    trial: u32,
    epoch: usize,
    task: String,
    value: Option<f64>,
}

impl ResultsDatabase {
    /// Everything recorded about a run except its per-epoch records.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`] if there is no such run; errors of SQLite.
    pub fn run(&self, run: &RunId) -> Result<RunDetail, StoreError> {
        let detail = self
            .connection
            .query_row(
                "SELECT run, pipeline, description, file, resolved, fingerprint, seed, command, state,
                        resumes, started_at, updated_at, finished_at, seconds, stages
                   FROM runs WHERE run = ?1",
                [run.as_str()],
                |row| {
                    Ok(RunDetail {
                        run: run_id(row, 0)?,
                        pipeline: row.get(1)?,
                        description: row.get(2)?,
                        file: row.get(3)?,
                        resolved: row.get(4)?,
                        fingerprint: row.get(5)?,
                        seed: read_count(row, 6)?,
                        command: row.get(7)?,
                        state: state(&row.get::<_, String>(8)?),
                        resumes: read_count(row, 9)? as u32,
                        started_at: row.get(10)?,
                        updated_at: row.get(11)?,
                        finished_at: row.get(12)?,
                        seconds: row.get(13)?,
                        planned_stages: read_count(row, 14)? as usize,
                        environment: Environment::default(),
                        stages: Vec::new(),
                        tables: Vec::new(),
                        files: Vec::new(),
                        tasks: Vec::new(),
                        labels: Vec::new(),
                        trials: Vec::new(),
                        scores: Vec::new(),
                        gains: GainRecords::default(),
                        artifacts: Vec::new(),
                        notes: Vec::new(),
                        parameters: Vec::new(),
                    })
                },
            )
            .optional()
            .map_err(|source| self.failed(source))?;
        let Some(detail) = detail else {
            return Err(StoreError::UnknownRun { found: run.to_string(), nearest: None });
        };
        Ok(RunDetail {
            environment: self.environment(run)?,
            stages: self.stages(run)?,
            tables: self.tables(run)?,
            files: self.files(run)?,
            tasks: self.tasks(run)?,
            labels: self.labels(run)?,
            trials: self.trials(run)?,
            scores: self.scores(run)?,
            gains: self.gains(run)?,
            artifacts: self.artifacts(run)?,
            notes: self.notes(run)?,
            parameters: self.parameters(run)?,
            ..detail
        })
    }

    /// The leaves of the resolved pipeline, in its order.
    pub fn parameters(&self, run: &RunId) -> Result<Vec<ConfigParameter>, StoreError> {
        let sql = "SELECT path, text, number FROM parameters WHERE run = ?1 ORDER BY rowid";
        self.select(sql, [run.as_str()], |row| {
            Ok(ConfigParameter { path: row.get(0)?, text: row.get(1)?, number: row.get(2)? })
        })
    }

    /// All epochs of all trials, with losses, weights and scores.
    pub fn epochs(&self, run: &RunId) -> Result<Vec<EpochRecord>, StoreError> {
        let mut epochs = self.select(
            "SELECT trial, epoch, step, joint_loss, rate, rows_per_second, seconds, objective, best
               FROM epochs WHERE run = ?1 ORDER BY trial, epoch",
            [run.as_str()],
            |row| {
                Ok(EpochRecord {
                    trial: read_count(row, 0)? as u32,
                    epoch: read_count(row, 1)? as usize,
                    step: read_count(row, 2)? as usize,
                    joint_loss: row.get(3)?,
                    rate: row.get(4)?,
                    rows_per_second: row.get(5)?,
                    seconds: row.get(6)?,
                    objective: row.get(7)?,
                    best: row.get(8)?,
                    losses: Vec::new(),
                    weights: Vec::new(),
                    scores: Vec::new(),
                })
            },
        )?;
        let losses = self.task_values("losses", run)?;
        let weights = self.task_values("weights", run)?;
        let scores = self.select(
            "SELECT trial, task, split, metric, value, direction, rows, epoch, NULL, NULL
               FROM metrics WHERE run = ?1 ORDER BY trial, epoch, rowid",
            [run.as_str()],
            score,
        )?;
        let find = |epochs: &[EpochRecord], trial, epoch| {
            epochs.binary_search_by_key(&(trial, epoch), |record| (record.trial, record.epoch)).ok()
        };
        for loss in losses {
            if let Some(index) = find(&epochs, loss.trial, loss.epoch) {
                epochs[index].losses.push((loss.task, loss.value));
            }
        }
        for weight in weights {
            if let Some(index) = find(&epochs, weight.trial, weight.epoch) {
                epochs[index].weights.push((weight.task, weight.value));
            }
        }
        for score in scores {
            if let Some(index) = find(&epochs, score.trial, score.epoch) {
                epochs[index].scores.push(score);
            }
        }
        Ok(epochs)
    }

    /// `table` is `losses` or `weights`.
    fn task_values(&self, table: &str, run: &RunId) -> Result<Vec<TaskValueRow>, StoreError> {
        let sql = format!(
            "SELECT trial, epoch, task, value FROM {table} WHERE run = ?1 ORDER BY trial, epoch, rowid"
        );
        self.select(&sql, [run.as_str()], |row| {
            Ok(TaskValueRow {
                trial: read_count(row, 0)? as u32,
                epoch: read_count(row, 1)? as usize,
                task: row.get(2)?,
                value: row.get(3)?,
            })
        })
    }

    fn environment(&self, run: &RunId) -> Result<Environment, StoreError> {
        let environments = self.select(
            "SELECT mtl_version, git_commit, git_dirty, host, os, cpu, cpus, threads, device, onnx_runtime
               FROM environments WHERE run = ?1",
            [run.as_str()],
            |row| {
                Ok(Environment {
                    mtl_version: row.get(0)?,
                    git_commit: row.get(1)?,
                    git_dirty: row.get(2)?,
                    host: row.get(3)?,
                    os: row.get(4)?,
                    cpu: row.get(5)?,
                    cpus: read_count(row, 6)? as usize,
                    threads: read_count(row, 7)? as usize,
                    device: row.get(8)?,
                    onnx_runtime: row.get(9)?,
                })
            },
        )?;
        Ok(environments.into_iter().next().unwrap_or_default())
    }

    fn stages(&self, run: &RunId) -> Result<Vec<StageRecord>, StoreError> {
        let sql = "SELECT stage, kind, trial, state, cached, fingerprint, seconds, bytes, reason
                     FROM stages WHERE run = ?1 ORDER BY rowid";
        self.select(sql, [run.as_str()], |row| {
            Ok(StageRecord {
                stage: row.get(0)?,
                kind: row.get(1)?,
                trial: optional_count(row, 2)?.map(|trial| trial as u32),
                state: row.get(3)?,
                cached: row.get(4)?,
                fingerprint: row.get(5)?,
                seconds: row.get(6)?,
                bytes: optional_count(row, 7)?.map(|bytes| bytes as u64),
                reason: row.get(8)?,
            })
        })
    }

    fn tables(&self, run: &RunId) -> Result<Vec<TableRecord>, StoreError> {
        let sql =
            "SELECT data, rows, columns, train, valid, test FROM data_tables WHERE run = ?1 ORDER BY rowid";
        self.select(sql, [run.as_str()], |row| {
            Ok(TableRecord {
                data: row.get(0)?,
                rows: optional_count(row, 1)?,
                columns: optional_count(row, 2)?,
                train: optional_count(row, 3)?,
                valid: optional_count(row, 4)?,
                test: optional_count(row, 5)?,
            })
        })
    }

    fn files(&self, run: &RunId) -> Result<Vec<FileRecord>, StoreError> {
        let sql = "SELECT data, path, bytes, hash FROM data_files WHERE run = ?1 ORDER BY rowid";
        self.select(sql, [run.as_str()], |row| {
            Ok(FileRecord {
                data: row.get(0)?,
                path: row.get(1)?,
                bytes: read_count(row, 2)?,
                hash: row.get(3)?,
            })
        })
    }

    fn tasks(&self, run: &RunId) -> Result<Vec<TaskRecord>, StoreError> {
        let sql = "SELECT task, data, kind, target, loss FROM tasks WHERE run = ?1 ORDER BY position";
        self.select(sql, [run.as_str()], |row| {
            Ok(TaskRecord {
                task: row.get(0)?,
                data: row.get(1)?,
                kind: row.get(2)?,
                target: row.get(3)?,
                loss: row.get(4)?,
            })
        })
    }

    fn labels(&self, run: &RunId) -> Result<Vec<LabelRecord>, StoreError> {
        let sql = "SELECT task, split, rows, missing FROM labels WHERE run = ?1 ORDER BY rowid";
        self.select(sql, [run.as_str()], |row| {
            Ok(LabelRecord {
                task: row.get(0)?,
                split: split(&row.get::<_, String>(1)?),
                rows: read_count(row, 2)? as usize,
                missing: read_count(row, 3)? as usize,
            })
        })
    }

    fn artifacts(&self, run: &RunId) -> Result<Vec<ArtifactRecord>, StoreError> {
        let sql =
            "SELECT trial, kind, path, bytes, detail FROM artifacts WHERE run = ?1 ORDER BY trial, rowid";
        self.select(sql, [run.as_str()], |row| {
            Ok(ArtifactRecord {
                trial: optional_count(row, 0)?.map(|trial| trial as u32),
                kind: row.get(1)?,
                path: row.get(2)?,
                bytes: optional_count(row, 3)?.map(|bytes| bytes as u64),
                detail: row.get(4)?,
            })
        })
    }

    fn notes(&self, run: &RunId) -> Result<Vec<NoteRecord>, StoreError> {
        let sql = "SELECT stage, severity, text, noted_at FROM notes WHERE run = ?1 ORDER BY rowid";
        self.select(sql, [run.as_str()], |row| {
            Ok(NoteRecord {
                stage: row.get(0)?,
                severity: row.get(1)?,
                text: row.get(2)?,
                noted_at: row.get(3)?,
            })
        })
    }

    fn trials(&self, run: &RunId) -> Result<Vec<TrialRecord>, StoreError> {
        let mut trials = self.select(
            "SELECT trial, seed, device, rows, weights, planned_epochs, steps_per_epoch, epochs, best_epoch,
                    stopped, seconds, checkpoint_epoch, checkpoint_step,
                    (SELECT avg(rows_per_second) FROM epochs e WHERE e.run = t.run AND e.trial = t.trial),
                    (SELECT p.epoch FROM prunings p WHERE p.run = t.run AND p.trial = t.trial)
               FROM trials t WHERE run = ?1 ORDER BY trial",
            [run.as_str()],
            |row| {
                Ok(TrialRecord {
                    trial: read_count(row, 0)? as u32,
                    seed: optional_count(row, 1)?.map(|seed| seed as u64),
                    device: row.get(2)?,
                    rows: optional_count(row, 3)?,
                    weights: optional_count(row, 4)?,
                    planned_epochs: optional_count(row, 5)?,
                    steps_per_epoch: optional_count(row, 6)?,
                    epochs: optional_count(row, 7)?,
                    best_epoch: optional_count(row, 8)?,
                    stopped: row.get(9)?,
                    seconds: row.get(10)?,
                    checkpoint: optional_count(row, 11)?.zip(optional_count(row, 12)?),
                    rows_per_second: row.get(13)?,
                    pruned: optional_count(row, 14)?,
                    parameters: Vec::new(),
                    task_weights: Vec::new(),
                    relations: Vec::new(),
                    shares: Vec::new(),
                    gradients: Vec::new(),
                    affinities: Vec::new(),
                    front: Vec::new(),
                    parity: None,
                })
            },
        )?;
        for trial in &mut trials {
            let key = rusqlite::params![run.as_str(), trial.trial];
            trial.parameters = self.select(
                "SELECT path, text, number FROM trial_parameters
                  WHERE run = ?1 AND trial = ?2 ORDER BY rowid",
                key,
                |row| Ok(ConfigParameter { path: row.get(0)?, text: row.get(1)?, number: row.get(2)? }),
            )?;
            let best_epoch = trial.best_epoch.map(|epoch| epoch as i64);
            let best = rusqlite::params![run.as_str(), trial.trial, best_epoch];
            trial.task_weights = self.select(&in_best_epoch("weights", "task, value"), best, |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            trial.relations =
                self.select(&in_best_epoch("relations", "task, other, value"), best, |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?;
            trial.shares =
                self.select(&in_best_epoch("shares", SHARE_COLUMNS), best, |row| share_record(row, 0))?;
            trial.gradients = self
                .select(&in_best_epoch("gradients", GRADIENT_COLUMNS), best, |row| gradient_record(row, 0))?;
            trial.affinities = self.affinities(run, trial.trial)?;
            trial.front = self.front(run, trial.trial)?;
            trial.parity = self.parity(run, trial.trial)?;
        }
        Ok(trials)
    }
}

/// Selects columns of a trial's rows in its best epoch (`?3`), or in the last recorded one if that is NULL.
fn in_best_epoch(table: &str, columns: &str) -> String {
    format!(
        "SELECT {columns} FROM {table}
          WHERE run = ?1 AND trial = ?2
            AND epoch = coalesce(?3, (SELECT max(epoch) FROM {table} WHERE run = ?1 AND trial = ?2))
          ORDER BY rowid"
    )
}
