//! Reads all stored files and reports damage, for `mtl verify RUN` and `mtl doctor --deep`.

use serde_json::json;

use crate::domain::fingerprint::Fingerprint;
use crate::domain::layout::Layout;
use crate::report::number::size;
use crate::run::inspect::{self, RecordedRun, StoredItem};
use crate::store::record::RunDetail;
use crate::store::{ResultsDatabase, StoreError};

/// The files that were read, and those that are damaged.
#[derive(Default)]
pub struct IntegrityReport {
    items: usize,
    bytes: u64,
    /// Path and problem.
    damaged: Vec<(String, String)>,
    /// How to repair it.
    advice: Option<String>,
}

/// Checks the database, all artifacts, and the files of all runs.
pub fn everything(layout: &Layout) -> IntegrityReport {
    let mut checked = IntegrityReport::default();
    // A database that cannot be opened is reported elsewhere; check the artifacts anyway.
    checked.add(inspect::cache(layout));
    if let Ok(store) = ResultsDatabase::open_read_only(&layout.database()) {
        let path = layout.database().display().to_string();
        let problems = store.integrity_problems().unwrap_or_else(|error| vec![error.to_string()]);
        checked.damaged.extend(problems.into_iter().map(|problem| (path.clone(), problem)));
        match runs(&store) {
            Ok(runs) => runs.iter().for_each(|run| checked.add(inspect::folder(layout, &recorded(run)))),
            Err(error) => checked.damaged.push((path, error.to_string())),
        }
    }
    if !checked.is_intact() {
        let advice = "a damaged artifact is rebuilt when its pipeline runs again; rebuild the files of a run \
                      with: mtl resume RUN";
        checked.advice = Some(advice.to_owned());
    }
    checked
}

/// All runs, except those that another process removes in the meantime.
fn runs(store: &ResultsDatabase) -> Result<Vec<RunDetail>, StoreError> {
    let mut runs = Vec::new();
    for line in store.runs()? {
        match store.run(&line.run) {
            Err(StoreError::UnknownRun { .. }) => {}
            detail => runs.push(detail?),
        }
    }
    Ok(runs)
}

/// Checks the artifacts and files of one run.
pub fn of_run(layout: &Layout, detail: &RunDetail) -> IntegrityReport {
    let recorded = recorded(detail);
    let mut checked = IntegrityReport::default();
    checked.add(inspect::artifacts(layout, &recorded));
    checked.add(inspect::folder(layout, &recorded));
    if !checked.is_intact() {
        checked.advice = Some(format!("rebuild with: mtl resume {}", detail.run));
    }
    checked
}

fn recorded(detail: &RunDetail) -> RecordedRun<'_> {
    let finished = detail.stages.iter().filter(|stage| stage.state == "finished");
    let stages =
        finished.filter_map(|stage| Some((stage.kind.as_str(), Fingerprint(stage.fingerprint.clone()?))));
    RecordedRun {
        run: &detail.run,
        pipeline: &detail.resolved,
        stages: stages.collect(),
        trials: detail.trials.iter().map(|trial| trial.trial).collect(),
    }
}

impl IntegrityReport {
    fn add(&mut self, items: Vec<StoredItem>) {
        for item in items {
            self.items += 1;
            self.bytes += item.bytes;
            self.damaged.extend(item.damage.map(|damage| (item.path.display().to_string(), damage)));
        }
    }

    pub fn is_intact(&self) -> bool {
        self.damaged.is_empty()
    }

    pub fn text(&self) -> String {
        let state = if self.is_intact() { "all intact" } else { "DAMAGED:" };
        let mut lines = vec![format!("stored        {} items, {}: {state}", self.items, size(self.bytes))];
        lines.extend(self.damaged.iter().map(|(path, reason)| format!("              {path}: {reason}")));
        lines.extend(self.advice.iter().map(|advice| format!("              {advice}")));
        lines.join("\n")
    }

    pub fn json(&self) -> serde_json::Value {
        let damaged = self.damaged.iter().map(|(path, reason)| json!({"path": path, "problem": reason}));
        json!({"things": self.items, "bytes": self.bytes, "damaged": damaged.collect::<Vec<_>>()})
    }
}
