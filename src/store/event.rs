//! Events as rows: each row has a natural key, and the same event told again overwrites it.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::domain::diagnostic::Severity;
use crate::domain::event::{Event, GradientPair, Parity, RunState};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::domain::score::{Direction, Score, TaskValue};
use crate::store::begin::signed;
use crate::store::column::NOW;

/// Writes events of one run, within the caller's transaction.
pub(crate) struct Writer<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) run: &'a str,
    pub(crate) layout: &'a Layout,
    /// Seconds worked on the run before this execution.
    pub(crate) earlier: f64,
}

impl Writer<'_> {
    /// A sign of life.
    pub(crate) fn alive(&self) -> rusqlite::Result<()> {
        self.execute(&format!("UPDATE runs SET updated_at = {NOW} WHERE run = ?1"), params![self.run])
    }

    pub(crate) fn write(&self, event: &Event) -> rusqlite::Result<()> {
        let run = self.run;
        match event {
            Event::RunStarted { stages, resumed, .. } => self.execute(
                "UPDATE runs SET stages = ?2, resumes = resumes + ?3 WHERE run = ?1",
                params![run, *stages as i64, *resumed],
            ),
            Event::StageStarted { stage, trial, fingerprint } => self.stage(stage, *trial, fingerprint, false),
            Event::StageCached { stage, trial, fingerprint } => self.stage(stage, *trial, fingerprint, true),
            Event::StageFinished { stage, cached, seconds, bytes, .. } => self.execute(
                "UPDATE stages SET state = 'finished', cached = ?3, seconds = ?4, bytes = ?5, reason = NULL
                  WHERE run = ?1 AND stage = ?2",
                params![run, stage, cached, seconds, signed(*bytes)],
            ),
            Event::StageFailed { stage, trial, reason } => self.stop(stage, *trial, "failed", reason),
            Event::StageSkipped { stage, trial, because } => self.stop(stage, *trial, "skipped", because),
            Event::Note { stage, severity, text } => self.note(stage, *severity, text),
            Event::Loaded { table, rows, columns, files } => {
                self.execute(
                    "INSERT INTO data_tables (run, data, rows, columns) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO UPDATE SET rows = excluded.rows, columns = excluded.columns",
                    params![run, table.as_str(), *rows as i64, *columns as i64],
                )?;
                files.iter().try_for_each(|file| {
                    self.execute(
                        "INSERT INTO data_files (run, data, path, bytes, hash) VALUES (?1, ?2, ?3, ?4, ?5)
                         ON CONFLICT DO UPDATE SET bytes = excluded.bytes, hash = excluded.hash",
                        params![
                            run,
                            table.as_str(),
                            file.path.to_string_lossy(),
                            signed(file.bytes),
                            file.fingerprint.0
                        ],
                    )
                })
            }
            Event::Divided { table, train, valid, test } => self.execute(
                "INSERT INTO data_tables (run, data, train, valid, test) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET train = excluded.train, valid = excluded.valid, test = excluded.test",
                params![run, table.as_str(), *train as i64, *valid as i64, *test as i64],
            ),
            Event::Fitted { missing, .. } => missing.iter().try_for_each(|labels| {
                self.execute(
                    "INSERT INTO labels (run, task, split, rows, missing) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT DO UPDATE SET rows = excluded.rows, missing = excluded.missing",
                    params![
                        run,
                        labels.task.as_str(),
                        labels.split.name(),
                        labels.rows as i64,
                        labels.missing as i64
                    ],
                )
            }),
            Event::TrainStarted { trial, seed, epochs, steps_per_epoch, rows, parameters, device, .. } => {
                self.trial(*trial)?;
                self.execute(
                    "UPDATE trials SET seed = ?3, planned_epochs = ?4, steps_per_epoch = ?5, rows = ?6,
                            weights = ?7, device = ?8 WHERE run = ?1 AND trial = ?2",
                    params![
                        run,
                        trial,
                        signed(*seed),
                        *epochs as i64,
                        *steps_per_epoch as i64,
                        *rows as i64,
                        *parameters as i64,
                        device
                    ],
                )
            }
            Event::Stepped { .. } => Ok(()),
            Event::EpochFinished { .. } => self.epoch(event),
            Event::GradientsCompared { trial, epoch, pairs, .. } => {
                pairs.iter().try_for_each(|pair| self.pair(*trial, *epoch, pair))
            }
            Event::AffinityMeasured { trial, epoch, pairs } => {
                pairs.iter().try_for_each(|pair| self.affinity(*trial, *epoch, pair))
            }
            Event::CheckpointSaved { trial, epoch, step } => {
                self.trial(*trial)?;
                self.execute(
                    "UPDATE trials SET checkpoint_epoch = ?3, checkpoint_step = ?4 WHERE run = ?1 AND trial = ?2",
                    params![run, trial, *epoch as i64, *step as i64],
                )
            }
            Event::TrainFinished { trial, best_epoch, epochs, reason, seconds } => {
                self.trial(*trial)?;
                self.execute(
                    "UPDATE trials SET best_epoch = ?3, epochs = ?4, stopped = ?5, seconds = ?6
                      WHERE run = ?1 AND trial = ?2",
                    params![run, trial, *best_epoch as i64, *epochs as i64, reason, seconds],
                )
            }
            Event::TrialChosen { trial, seed, choices, .. } => self.chosen(*trial, *seed, choices),
            Event::TrialPruned { trial, stage, epoch, reason } => self.pruned(*trial, stage, *epoch, reason),
            Event::Scored { trial, epoch, scores } => {
                self.trial(*trial)?;
                scores.iter().try_for_each(|score| self.score("scores", *trial, *epoch, score))
            }
            Event::FrontScored { trial, points, reference } => {
                self.trial(*trial)?;
                let mut points = points.iter().enumerate();
                points.try_for_each(|(number, point)| self.front(*trial, number, point))?;
                reference.iter().try_for_each(|worst| self.front_reference(*trial, worst))
            }
            // Its numbers stand beside the trials' own, in `gains`.
            Event::BaselineScored { .. } => Ok(()),
            Event::Gained { trial, gains, .. } => {
                self.trial(*trial)?;
                gains.iter().try_for_each(|gain| self.gain(*trial, gain))
            }
            Event::Exported { trial, file, bytes, opset } => {
                // The artifact is shared by runs; this run's own copy lies in its trial's folder.
                let trial_folder = RunId::new(self.run).map(|run| self.layout.trial(&run, *trial));
                let file = trial_folder.unwrap_or_default().join(file);
                self.artifact(Some(*trial), "onnx", &file, *bytes, Some(&format!("opset {opset}")))
            }
            Event::Verified { trial, parity } => self.parity(*trial, parity),
            Event::RunFinished { state, seconds, .. } => self.finish(*state, *seconds),
        }
    }

    pub(crate) fn artifact(
        &self,
        trial: Option<u32>,
        kind: &str,
        path: &Path,
        bytes: u64,
        detail: Option<&str>,
    ) -> rusqlite::Result<()> {
        let inside = path.strip_prefix(self.layout.root()).unwrap_or(path);
        self.execute(
            "INSERT INTO artifacts (run, trial, kind, path, bytes, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET kind = excluded.kind, bytes = excluded.bytes, detail = excluded.detail",
            params![self.run, trial, kind, inside.to_string_lossy(), signed(bytes), detail],
        )
    }

    fn stage(
        &self,
        stage: &str,
        trial: Option<u32>,
        print: &Fingerprint,
        cached: bool,
    ) -> rusqlite::Result<()> {
        self.execute(
            &format!(
                "INSERT INTO stages (run, stage, kind, trial, state, cached, fingerprint, started_at)
                 VALUES (?1, ?2, ?3, ?4, 'running', ?5, ?6, {NOW})
                 ON CONFLICT DO UPDATE SET state = 'running', cached = excluded.cached, seconds = NULL,
                    fingerprint = excluded.fingerprint, started_at = excluded.started_at, reason = NULL"
            ),
            params![self.run, stage, kind(stage), trial, cached, print.0],
        )
    }

    fn stop(&self, stage: &str, trial: Option<u32>, state: &str, reason: &str) -> rusqlite::Result<()> {
        self.execute(
            "INSERT INTO stages (run, stage, kind, trial, state, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET state = excluded.state, reason = excluded.reason",
            params![self.run, stage, kind(stage), trial, state, reason],
        )
    }

    fn note(&self, stage: &str, severity: Severity, text: &str) -> rusqlite::Result<()> {
        let severity = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        self.execute(
            &format!(
                "INSERT INTO notes (run, stage, severity, text, noted_at) VALUES (?1, ?2, ?3, ?4, {NOW})
                 ON CONFLICT DO UPDATE SET severity = excluded.severity"
            ),
            params![self.run, stage, severity, text],
        )
    }

    /// The trial's row, should no `TrainStarted` have made it.
    pub(super) fn trial(&self, trial: u32) -> rusqlite::Result<()> {
        self.execute("INSERT OR IGNORE INTO trials (run, trial) VALUES (?1, ?2)", params![self.run, trial])
    }

    fn epoch(&self, event: &Event) -> rusqlite::Result<()> {
        let Event::EpochFinished {
            trial,
            epoch,
            step,
            losses,
            joint_loss,
            weights,
            rate,
            rows_per_second,
            seconds,
            scores,
            objective,
            best,
            relations,
            shares,
        } = event
        else {
            return Ok(());
        };
        self.trial(*trial)?;
        self.execute(
            "INSERT INTO epochs (run, trial, epoch, step, joint_loss, rate, rows_per_second, seconds, objective, best)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT DO UPDATE SET step = excluded.step, joint_loss = excluded.joint_loss,
                rate = excluded.rate, rows_per_second = excluded.rows_per_second, seconds = excluded.seconds,
                objective = excluded.objective, best = excluded.best",
            params![
                self.run,
                trial,
                *epoch as i64,
                *step as i64,
                joint_loss,
                rate,
                rows_per_second,
                seconds,
                objective,
                best
            ],
        )?;
        self.values("losses", *trial, *epoch, losses)?;
        self.values("weights", *trial, *epoch, weights)?;
        relations.iter().try_for_each(|relation| {
            self.execute(
                "INSERT INTO relations (run, trial, epoch, task, other, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET value = excluded.value",
                params![
                    self.run,
                    trial,
                    *epoch as i64,
                    relation.task.as_str(),
                    relation.other.as_str(),
                    relation.value
                ],
            )
        })?;
        shares.iter().try_for_each(|share| {
            self.execute(
                "INSERT INTO shares (run, trial, epoch, unit, reader, source, value)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET value = excluded.value",
                params![self.run, trial, *epoch as i64, share.unit, share.reader, share.source, share.value],
            )
        })?;
        scores.iter().try_for_each(|score| self.score("metrics", *trial, *epoch, score))
    }

    fn pair(&self, trial: u32, epoch: usize, pair: &GradientPair) -> rusqlite::Result<()> {
        let GradientPair { task, other, cosine, conflicts, similarity, steps } = pair;
        self.execute(
            "INSERT INTO gradients (run, trial, epoch, task, other, cosine, conflicts, similarity, steps)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE SET cosine = excluded.cosine,
                conflicts = excluded.conflicts, similarity = excluded.similarity, steps = excluded.steps",
            params![
                self.run,
                trial,
                epoch as i64,
                task.as_str(),
                other.as_str(),
                cosine,
                conflicts,
                similarity,
                *steps as i64
            ],
        )
    }

    /// `table` is `losses` or `weights`.
    fn values(&self, table: &str, trial: u32, epoch: usize, values: &[TaskValue]) -> rusqlite::Result<()> {
        let sql = format!(
            "INSERT INTO {table} (run, trial, epoch, task, value) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET value = excluded.value"
        );
        values.iter().try_for_each(|TaskValue { task, value }| {
            self.execute(&sql, params![self.run, trial, epoch as i64, task.as_str(), value])
        })
    }

    /// `table` is `metrics` (one row per epoch) or `scores` (one row, with its epoch).
    fn score(&self, table: &str, trial: u32, epoch: usize, score: &Score) -> rusqlite::Result<()> {
        let direction = direction(score.direction);
        self.execute(
            &format!(
                "INSERT INTO {table} (run, trial, epoch, task, split, metric, value, direction, rows)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT DO UPDATE SET value = excluded.value, direction = excluded.direction,
                    rows = excluded.rows, epoch = excluded.epoch"
            ),
            params![
                self.run,
                trial,
                epoch as i64,
                score.task.as_str(),
                score.split.name(),
                score.metric,
                score.value,
                direction,
                score.rows as i64
            ],
        )
    }

    fn parity(&self, trial: u32, parity: &Parity) -> rusqlite::Result<()> {
        self.trial(trial)?;
        let batches: Vec<String> = parity.batches.iter().map(ToString::to_string).collect();
        self.execute(
            "INSERT OR REPLACE INTO parity (run, trial, verified, reason, largest, tolerance, batches, onnx_runtime)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                self.run,
                trial,
                parity.verified,
                parity.reason,
                parity.verified.then_some(parity.largest),
                parity.tolerance,
                batches.join(", "),
                parity.runtime
            ],
        )?;
        for output in &parity.outputs {
            self.execute(
                "INSERT OR REPLACE INTO parity_outputs (run, trial, output, largest) VALUES (?1, ?2, ?3, ?4)",
                params![self.run, trial, output.output, output.largest],
            )?;
        }
        self.execute(
            "UPDATE environments SET onnx_runtime = coalesce(?2, onnx_runtime) WHERE run = ?1",
            params![self.run, parity.runtime],
        )
    }

    fn finish(&self, state: RunState, seconds: f64) -> rusqlite::Result<()> {
        self.execute(
            "UPDATE stages SET state = 'interrupted' WHERE run = ?1 AND state = 'running'",
            params![self.run],
        )?;
        self.execute(
            &format!("UPDATE runs SET state = ?2, seconds = ?3, finished_at = {NOW} WHERE run = ?1"),
            params![self.run, state.name(), self.earlier + seconds],
        )
    }

    pub(crate) fn execute(&self, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute(values).map(|_| ())
    }
}

pub(crate) fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Higher => "higher",
        Direction::Lower => "lower",
    }
}

/// `train#1` trains, `load:census` loads.
fn kind(stage: &str) -> &str {
    stage.split([':', '#']).next().unwrap_or(stage)
}
