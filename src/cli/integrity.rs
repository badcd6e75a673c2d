//! Everything that is kept, read whole: what `mtl verify RUN` and `mtl doctor --deep` say of it.

use serde_json::json;

use crate::domain::fingerprint::Fingerprint;
use crate::domain::layout::Layout;
use crate::report::number::size;
use crate::run::inspect::{self, RecordedRun, StoredItem};
use crate::store::record::RunDetail;
use crate::store::{ResultsDatabase, StoreError};

/// What was looked at, and what of it is damaged.
#[derive(Default)]
pub struct IntegrityReport {
    things: usize,
    bytes: u64,
    /// Where, and what is wrong.
    damaged: Vec<(String, String)>,
    /// What mends it.
    advice: Option<String>,
}

/// The database, all artifacts, and what the runs hold.
pub fn everything(layout: &Layout) -> IntegrityReport {
    let mut checked = IntegrityReport::default();
    // A database that cannot be opened is said as such elsewhere; the artifacts are looked at all the same.
    checked.take(inspect::cache(layout));
    if let Ok(store) = ResultsDatabase::open_read_only(&layout.database()) {
        let path = layout.database().display().to_string();
        let problems = store.damages().unwrap_or_else(|error| vec![error.to_string()]);
        checked.damaged.extend(problems.into_iter().map(|problem| (path.clone(), problem)));
        match runs(&store) {
            Ok(runs) => runs.iter().for_each(|run| checked.take(inspect::folder(layout, &recorded(run)))),
            Err(error) => checked.damaged.push((path, error.to_string())),
        }
    }
    if !checked.is_whole() {
        let advice =
            "a damaged artifact is made again when its pipeline runs; the files of a run by: mtl resume RUN";
        checked.advice = Some(advice.to_owned());
    }
    checked
}

/// All runs, but for those that another process removes meanwhile.
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

/// The artifacts and files of one run.
pub fn of_run(layout: &Layout, detail: &RunDetail) -> IntegrityReport {
    let recorded = recorded(detail);
    let mut checked = IntegrityReport::default();
    checked.take(inspect::artifacts(layout, &recorded));
    checked.take(inspect::folder(layout, &recorded));
    if !checked.is_whole() {
        checked.advice = Some(format!("make it again with: mtl resume {}", detail.run));
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
    fn take(&mut self, kept: Vec<StoredItem>) {
        for one in kept {
            self.things += 1;
            self.bytes += one.bytes;
            self.damaged.extend(one.damage.map(|damage| (one.path.display().to_string(), damage)));
        }
    }

    pub fn is_whole(&self) -> bool {
        self.damaged.is_empty()
    }

    pub fn text(&self) -> String {
        let state = if self.is_whole() { "all as they were written" } else { "DAMAGED:" };
        let mut lines = vec![format!("kept          {} things, {}: {state}", self.things, size(self.bytes))];
        lines.extend(self.damaged.iter().map(|(path, reason)| format!("              {path}: {reason}")));
        lines.extend(self.advice.iter().map(|advice| format!("              {advice}")));
        lines.join("\n")
    }

    pub fn json(&self) -> serde_json::Value {
        let damaged = self.damaged.iter().map(|(path, reason)| json!({"path": path, "problem": reason}));
        json!({"things": self.things, "bytes": self.bytes, "damaged": damaged.collect::<Vec<_>>()})
    }
}
