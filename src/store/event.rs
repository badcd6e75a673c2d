//! Writes events as rows. Each row has a natural key; writing the same event again overwrites it.

mod data;
mod model;
mod stage;
mod training;

use rusqlite::{Connection, params};

use crate::domain::event::Event;
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::store::column::NOW;
use crate::store::start_run::signed;

/// Writes the events of one run, within the caller's transaction.
pub(crate) struct EventWriter<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) run: &'a str,
    pub(crate) layout: &'a Layout,
    /// Seconds that earlier executions of the run took.
    pub(crate) earlier_seconds: f64,
}

impl EventWriter<'_> {
    /// Updates the run's time of last activity.
    pub(crate) fn touch(&self) -> rusqlite::Result<()> {
        self.execute(&format!("UPDATE runs SET updated_at = {NOW} WHERE run = ?1"), params![self.run])
    }

    pub(crate) fn write(&self, event: &Event) -> rusqlite::Result<()> {
        let run = self.run;
        match event {
            Event::RunStarted { stages, resumed, .. } => self.execute(
                "UPDATE runs SET stages = ?2, resumes = resumes + ?3 WHERE run = ?1",
                params![run, *stages as i64, *resumed],
            ),
            Event::StageStarted { stage, trial, fingerprint } => {
                self.stage_started(stage, *trial, fingerprint, false)
            }
            Event::StageCached { stage, trial, fingerprint } => {
                self.stage_started(stage, *trial, fingerprint, true)
            }
            Event::StageFinished { stage, cached, seconds, bytes, .. } => self.execute(
                "UPDATE stages SET state = 'finished', cached = ?3, seconds = ?4, bytes = ?5, reason = NULL
                  WHERE run = ?1 AND stage = ?2",
                params![run, stage.key(), cached, seconds, signed(*bytes)],
            ),
            Event::StageFailed { stage, trial, reason } => {
                self.stage_stopped(stage, *trial, "failed", reason)
            }
            Event::StageSkipped { stage, trial, because } => {
                self.stage_stopped(stage, *trial, "skipped", because.key())
            }
            Event::Note { stage, severity, text } => self.note(stage, *severity, text),
            Event::Loaded { table, rows, columns, files } => {
                self.table(table, *rows, *columns)?;
                files.iter().try_for_each(|file| self.file(table, file))
            }
            Event::Divided { table, train, valid, test } => self.split_sizes(table, (*train, *valid, *test)),
            Event::Fitted { missing, .. } => missing.iter().try_for_each(|labels| self.labels(labels)),
            Event::TrainStarted {
                trial, seed, epochs, steps_per_epoch, rows, parameters, device, ..
            } => {
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
            Event::Stepped { .. } | Event::Featured { .. } => Ok(()),
            Event::EpochFinished(finished) => self.epoch(finished),
            Event::GradientsCompared { trial, epoch, pairs, .. } => {
                pairs.iter().try_for_each(|pair| self.pair(*trial, *epoch, pair))
            }
            Event::AffinityMeasured { trial, epoch, pairs } => {
                pairs.iter().try_for_each(|pair| self.affinity(*trial, *epoch, pair))
            }
            Event::CheckpointSaved { trial, epoch, step } => {
                self.trial(*trial)?;
                self.execute(
                    "UPDATE trials SET checkpoint_epoch = ?3, checkpoint_step = ?4
                      WHERE run = ?1 AND trial = ?2",
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
            Event::TrialChosen { trial, seed, choices, .. } => self.trial_chosen(*trial, *seed, choices),
            Event::TrialPruned { trial, stage, epoch, reason } => {
                self.trial_pruned(*trial, stage, *epoch, reason)
            }
            Event::Scored { trial, epoch, scores, confusions } => {
                self.trial(*trial)?;
                scores.iter().try_for_each(|score| self.final_score(*trial, *epoch, score))?;
                confusions.iter().try_for_each(|matrix| self.confusion(*trial, matrix))
            }
            Event::FrontScored { trial, points, reference } => {
                self.trial(*trial)?;
                let mut points = points.iter().enumerate();
                points.try_for_each(|(index, point)| self.front(*trial, index, point))?;
                reference.iter().try_for_each(|reference| self.front_reference(*trial, reference))
            }
            // Recorded by `Gained`, beside the trial's own scores.
            Event::BaselineScored { .. } => Ok(()),
            Event::Gained { trial, gains, .. } => {
                self.trial(*trial)?;
                gains.iter().try_for_each(|gain| self.gain(*trial, gain))
            }
            Event::Exported { trial, file, bytes, opset, rounding } => {
                // Runs share the cached artifact; record the copy in this trial's folder.
                let trial_folder = RunId::new(self.run).map(|run| self.layout.trial(&run, *trial));
                let file = trial_folder.unwrap_or_default().join(file);
                let rounding = rounding.as_ref().map_or_else(String::new, |text| format!(", {text}"));
                self.artifact(Some(*trial), "onnx", &file, *bytes, Some(&format!("opset {opset}{rounding}")))
            }
            Event::Verified { trial, parity } => self.parity(*trial, parity),
            Event::RunFinished { state, seconds, .. } => self.run_finished(*state, *seconds),
        }
    }

    /// Inserts the trial's row if `TrainStarted` has not.
    pub(super) fn trial(&self, trial: u32) -> rusqlite::Result<()> {
        self.execute("INSERT OR IGNORE INTO trials (run, trial) VALUES (?1, ?2)", params![self.run, trial])
    }

    pub(crate) fn execute(&self, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute(values).map(|_| ())
    }
}
