//! Writes the exported model's files and its parity with the trained one.

use std::path::Path;

use rusqlite::params;

use crate::domain::event::Parity;
use crate::store::event::EventWriter;
use crate::store::start_run::signed;

impl EventWriter<'_> {
    pub(crate) fn artifact(
        &self,
        trial: Option<u32>,
        kind: &str,
        path: &Path,
        bytes: u64,
        detail: Option<&str>,
    ) -> rusqlite::Result<()> {
        let relative = path.strip_prefix(self.layout.root()).unwrap_or(path);
        self.execute(
            "INSERT INTO artifacts (run, trial, kind, path, bytes, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET kind = excluded.kind, bytes = excluded.bytes,
                detail = excluded.detail",
            params![self.run, trial, kind, relative.to_string_lossy(), signed(bytes), detail],
        )
    }

    pub(super) fn parity(&self, trial: u32, parity: &Parity) -> rusqlite::Result<()> {
        self.trial(trial)?;
        let batches: Vec<String> = parity.batches.iter().map(ToString::to_string).collect();
        self.execute(
            "INSERT OR REPLACE INTO parity (run, trial, verified, reason, largest, tolerance, batches,
                                            onnx_runtime, precision)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                self.run,
                trial,
                parity.verified,
                parity.reason,
                parity.verified.then_some(parity.largest),
                parity.tolerance,
                batches.join(", "),
                parity.runtime,
                parity.precision.name()
            ],
        )?;
        for output in &parity.outputs {
            self.execute(
                "INSERT OR REPLACE INTO parity_outputs (run, trial, output, largest) VALUES (?1, ?2, ?3, ?4)",
                params![self.run, trial, output.output, output.largest],
            )?;
        }
        parity.scores.iter().try_for_each(|score| self.exported_score(trial, score))?;
        self.execute(
            "UPDATE environments SET onnx_runtime = coalesce(?2, onnx_runtime) WHERE run = ?1",
            params![self.run, parity.runtime],
        )
    }
}
