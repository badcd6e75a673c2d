//! What all stages of a run share: the plan, the paths, and the artifacts of earlier stages.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::data::{LoadedTable, SplitRows};
use crate::domain::cancel::CancelToken;
use crate::domain::event::{Event, FileContent};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::layout::Layout;
use crate::domain::name::{RunId, TableName};
use crate::domain::table::Dataset;
use crate::plan::content_cache::ContentCache;
use crate::plan::{Plan, Stage, Trial, Work};
use crate::run::artifact::Artifact;
use crate::run::error::RunError;
use crate::run::event_log::EventLog;
use crate::run::stage_status::StageStatus;
use crate::run::sweep_log::SweepLog;
use crate::run::table_contents::of_table;

/// Shared state of the stages of one run.
pub struct RunContext<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The folder of the pipeline file; data paths are relative to it.
    pub base: &'a Path,
    /// Paths below the runs folder.
    pub layout: &'a Layout,
    /// Name of the run.
    pub run: &'a RunId,
    /// Tells whether to stop.
    pub cancel: &'a CancelToken,
    /// What the sweep has decided.
    pub log: &'a SweepLog,
    /// Which stages are cached.
    pub statuses: &'a BTreeMap<Stage, StageStatus>,
    /// The artifacts of finished stages.
    pub artifacts: Mutex<HashMap<Stage, Artifact>>,
}

impl RunContext<'_> {
    /// The fingerprint of a stage of the plan.
    pub fn fingerprint(&self, stage: &Stage) -> &Fingerprint {
        &self.statuses[stage].fingerprint
    }

    /// The folder of the stage's artifact.
    pub fn folder(&self, stage: &Stage) -> PathBuf {
        self.layout.artifact(stage.kind().name(), self.fingerprint(stage))
    }

    /// The folder of the artifact of a stage that may be missing from the plan.
    pub fn folder_of(&self, stage: &Stage) -> Result<PathBuf, RunError> {
        let known = self.statuses.contains_key(stage);
        known.then(|| self.folder(stage)).ok_or_else(|| RunError::StageNotRun { stage: stage.to_string() })
    }

    /// A table that this run has read.
    pub fn loaded(&self, table: &TableName) -> Result<LoadedTable, RunError> {
        let stage = Stage::shared(Work::Load(table.clone()));
        match self.get(&stage) {
            Some(Artifact::Loaded(loaded)) => Ok(loaded),
            _ => Err(RunError::StageNotRun { stage: stage.into() }),
        }
    }

    /// The split rows of a table.
    pub fn rows(&self, table: &TableName) -> Result<SplitRows, RunError> {
        let stage = Stage::shared(Work::Split(table.clone()));
        match self.get(&stage) {
            Some(Artifact::Rows(rows)) => Ok(rows),
            _ => Err(RunError::StageNotRun { stage: stage.into() }),
        }
    }

    /// The fitted dataset: from memory if this run fitted it, otherwise read once from its artifact.
    pub fn dataset(&self) -> Result<Arc<Dataset>, RunError> {
        let fit = Stage::shared(Work::Fit);
        let mut artifacts = self.artifacts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(Artifact::Dataset(dataset)) = artifacts.get(&fit) {
            return Ok(dataset.clone());
        }
        let dataset = Arc::new(crate::data::store::read(&self.folder_of(&fit)?)?);
        artifacts.insert(fit, Artifact::Dataset(dataset.clone()));
        Ok(dataset)
    }

    /// The data files of all tables with the checksums they had when they were read, each once.
    pub fn files(&self) -> Result<Vec<FileContent>, RunError> {
        let mut files = Vec::new();
        let mut seen = HashSet::new();
        for table in self.plan.pipeline.data.keys() {
            for event in EventLog::read(&self.folder_of(&Stage::shared(Work::Load(table.clone())))?)? {
                if let Event::Loaded { files: read, .. } = event {
                    files.extend(read.into_iter().filter(|file| seen.insert(file.path.clone())));
                }
            }
        }
        Ok(files)
    }

    /// Checks that the data files are unchanged since the run began.
    pub fn check_unchanged(&self) -> Result<(), RunError> {
        self.plan.pipeline.data.keys().try_for_each(|table| self.files_of(table).map(|_| ()))
    }

    /// One table's data files, by content.
    ///
    /// # Errors
    /// If they changed since the run began: stages work under the fingerprint of the original content, so an
    /// artifact made from other content would be stored under a wrong fingerprint.
    pub fn files_of(&self, table: &TableName) -> Result<Vec<FileContent>, RunError> {
        let mut contents = ContentCache::open(self.layout.file_hashes());
        let (files, content) = of_table(self.plan, table, (self.base, self.layout), &mut contents)?;
        let began = self
            .statuses
            .get(&Stage::shared(Work::Load(table.clone())))
            .map(|status| &status.config["content"]);
        match began.and_then(|content| content.as_str()) {
            Some(began) if began == content.0 => Ok(files),
            _ => Err(RunError::Changed { table: table.to_string() }),
        }
    }

    /// The trial that a stage belongs to.
    pub fn trial(&self, stage: &Stage) -> Result<&Trial, RunError> {
        let trial = stage.trial.and_then(|number| self.plan.trial(number));
        trial.ok_or_else(|| RunError::StageNotRun { stage: stage.to_string() })
    }

    fn get(&self, stage: &Stage) -> Option<Artifact> {
        self.artifacts.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get(stage).cloned()
    }

    /// Stores the artifact of a stage for the stages after it.
    pub fn insert(&self, stage: &Stage, artifact: Artifact) {
        self.artifacts
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .insert(stage.clone(), artifact);
    }
}
