//! What every stage of a run can reach: the plan, the places, and what earlier stages gave.

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

/// Shared by the stages of one run.
pub struct RunContext<'a> {
    pub plan: &'a Plan,
    /// The pipeline file's folder: data paths are relative to it.
    pub base: &'a Path,
    pub layout: &'a Layout,
    pub run: &'a RunId,
    pub cancel: &'a CancelToken,
    pub log: &'a SweepLog,
    pub standings: &'a BTreeMap<Stage, StageStatus>,
    pub made: Mutex<HashMap<Stage, Artifact>>,
}

impl RunContext<'_> {
    pub fn fingerprint(&self, stage: &Stage) -> &Fingerprint {
        &self.standings[stage].fingerprint
    }

    /// The folder of a stage's artifact.
    pub fn folder(&self, stage: &Stage) -> PathBuf {
        self.layout.artifact(stage.kind().name(), self.fingerprint(stage))
    }

    /// The folder of the artifact of a stage that the plan may lack.
    pub fn folder_of(&self, stage: &Stage) -> Result<PathBuf, RunError> {
        let known = self.standings.contains_key(stage);
        known.then(|| self.folder(stage)).ok_or_else(|| RunError::NotMade { stage: stage.to_string() })
    }

    /// A table that this run has read.
    pub fn loaded(&self, table: &TableName) -> Result<LoadedTable, RunError> {
        let stage = Stage::shared(Work::Load(table.clone()));
        match self.get(&stage) {
            Some(Artifact::Loaded(loaded)) => Ok(loaded),
            _ => Err(RunError::NotMade { stage: stage.into() }),
        }
    }

    /// A table's rows that this run has divided.
    pub fn rows(&self, table: &TableName) -> Result<SplitRows, RunError> {
        let stage = Stage::shared(Work::Split(table.clone()));
        match self.get(&stage) {
            Some(Artifact::Rows(rows)) => Ok(rows),
            _ => Err(RunError::NotMade { stage: stage.into() }),
        }
    }

    /// The fitted dataset: from memory when this run fitted it, else read once from its artifact.
    pub fn dataset(&self) -> Result<Arc<Dataset>, RunError> {
        let fit = Stage::shared(Work::Fit);
        let mut made = self.made.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(Artifact::Dataset(dataset)) = made.get(&fit) {
            return Ok(dataset.clone());
        }
        let dataset = Arc::new(crate::data::store::read(&self.folder_of(&fit)?)?);
        made.insert(fit, Artifact::Dataset(dataset.clone()));
        Ok(dataset)
    }

    /// The data files of all tables by content, as they were when they were read, each once.
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

    /// Refuses files that are not what they were when the run began.
    pub fn unchanged(&self) -> Result<(), RunError> {
        self.plan.pipeline.data.keys().try_for_each(|table| self.files_of(table).map(|_| ()))
    }

    /// One table's data files, by content. The stages work under the fingerprint of what these files held
    /// when the run began: what was changed meanwhile is refused, or it would be kept under another's name.
    pub fn files_of(&self, table: &TableName) -> Result<Vec<FileContent>, RunError> {
        let mut contents = ContentCache::open(self.layout.file_hashes());
        let (files, content) = of_table(self.plan, table, (self.base, self.layout), &mut contents)?;
        let began = self
            .standings
            .get(&Stage::shared(Work::Load(table.clone())))
            .map(|status| &status.config["content"]);
        match began.and_then(|content| content.as_str()) {
            Some(began) if began == content.0 => Ok(files),
            _ => Err(RunError::Changed { table: table.to_string() }),
        }
    }

    /// The trial a stage belongs to.
    pub fn trial(&self, stage: &Stage) -> Result<&Trial, RunError> {
        let trial = stage.trial.and_then(|number| self.plan.trial(number));
        trial.ok_or_else(|| RunError::NotMade { stage: stage.to_string() })
    }

    fn get(&self, stage: &Stage) -> Option<Artifact> {
        self.made.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get(stage).cloned()
    }

    pub fn insert(&self, stage: &Stage, artifact: Artifact) {
        self.made.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(stage.clone(), artifact);
    }
}
