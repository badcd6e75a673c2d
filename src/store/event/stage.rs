//! Writes the stages of a run, their notes, and the run's end.

use rusqlite::params;

use crate::domain::diagnostic::Severity;
use crate::domain::event::RunState;
use crate::domain::event_source::EventSource;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::stage::Stage;
use crate::store::column::NOW;
use crate::store::event::EventWriter;

impl EventWriter<'_> {
    pub(super) fn stage_started(
        &self,
        stage: &Stage,
        trial: Option<u32>,
        fingerprint: &Fingerprint,
        cached: bool,
    ) -> rusqlite::Result<()> {
        self.execute(
            &format!(
                "INSERT INTO stages (run, stage, kind, trial, state, cached, fingerprint, started_at)
                 VALUES (?1, ?2, ?3, ?4, 'running', ?5, ?6, {NOW})
                 ON CONFLICT DO UPDATE SET state = 'running', cached = excluded.cached, seconds = NULL,
                    fingerprint = excluded.fingerprint, started_at = excluded.started_at, reason = NULL"
            ),
            params![self.run, stage.key(), stage.kind().name(), trial, cached, fingerprint.0],
        )
    }

    pub(super) fn stage_stopped(
        &self,
        stage: &Stage,
        trial: Option<u32>,
        state: &str,
        reason: &str,
    ) -> rusqlite::Result<()> {
        self.execute(
            "INSERT INTO stages (run, stage, kind, trial, state, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET state = excluded.state, reason = excluded.reason",
            params![self.run, stage.key(), stage.kind().name(), trial, state, reason],
        )
    }

    pub(super) fn note(&self, source: &EventSource, severity: Severity, text: &str) -> rusqlite::Result<()> {
        let severity = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        self.execute(
            &format!(
                "INSERT INTO notes (run, stage, severity, text, noted_at) VALUES (?1, ?2, ?3, ?4, {NOW})
                 ON CONFLICT DO UPDATE SET severity = excluded.severity"
            ),
            params![self.run, source.to_string(), severity, text],
        )
    }

    pub(super) fn run_finished(&self, state: RunState, seconds: f64) -> rusqlite::Result<()> {
        self.execute(
            "UPDATE stages SET state = 'interrupted' WHERE run = ?1 AND state = 'running'",
            params![self.run],
        )?;
        self.execute(
            &format!("UPDATE runs SET state = ?2, seconds = ?3, finished_at = {NOW} WHERE run = ?1"),
            params![self.run, state.name(), self.earlier_seconds + seconds],
        )
    }
}
