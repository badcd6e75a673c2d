//! Paths of files below the runs folder.

use std::path::{Path, PathBuf};

use crate::domain::file_name::FileName;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::name::{RunId, TaskName};

/// The runs folder: `mtl.db`, `cache/` and one folder per run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout of the runs folder `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The runs folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The results database.
    pub fn database(&self) -> PathBuf {
        self.root.join("mtl.db")
    }

    /// Artifacts by content, shared by all runs: `cache/<stage kind>-<fingerprint>/`.
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// The folder of a cached stage's artifact.
    pub fn artifact(&self, stage_kind: &str, fingerprint: &Fingerprint) -> PathBuf {
        self.cache().join(FileName::from_text(&format!("{stage_kind}-{}", fingerprint.short()), ""))
    }

    /// Content hashes of data files, remembered by size, modification time and inode.
    pub fn file_hashes(&self) -> PathBuf {
        self.cache().join("files.json")
    }

    /// The folder of a run.
    pub fn run(&self, run: &RunId) -> PathBuf {
        self.root.join(FileName::from_text(run.as_str(), ""))
    }

    /// Locked with `flock` while a process works on the run, which distinguishes running from dead runs.
    pub fn lock(&self, run: &RunId) -> PathBuf {
        self.run(run).join("lock")
    }

    /// The resolved pipeline, with defaults and overrides filled in.
    pub fn pipeline(&self, run: &RunId) -> PathBuf {
        self.run(run).join("pipeline.yaml")
    }

    /// The log of a sweep that prunes or searches, one JSON record per line.
    pub fn sweep_log(&self, run: &RunId) -> PathBuf {
        self.run(run).join("sweep.jsonl")
    }

    /// A trial's folder: `weights.safetensors`, `model.onnx`, `mtl.json`.
    pub fn trial(&self, run: &RunId, trial: u32) -> PathBuf {
        self.run(run).join(format!("trial-{trial}"))
    }

    /// The checkpoint of one task's baseline training, removed when the training is finished.
    pub fn baseline_checkpoint(&self, run: &RunId, trial: u32, task: &TaskName) -> PathBuf {
        self.trial(run, trial).join(FileName::from_text(&format!("alone-{task}"), ""))
    }

    /// The checkpoint of a trial's training, removed when the training is finished.
    pub fn checkpoint(&self, run: &RunId, trial: u32) -> PathBuf {
        self.trial(run, trial).join("checkpoint")
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::fingerprint::Fingerprint;
    use crate::domain::layout::Layout;
    use crate::domain::name::RunId;

    #[test]
    fn names_of_devices_and_paths_become_ordinary_folders() {
        let layout = Layout::new("runs");
        let folder = |run: &str| layout.run(&RunId::new(run).expect("a name"));
        assert_eq!(folder("census-3f2a9c"), layout.root().join("census-3f2a9c"));
        assert_eq!(folder("nul"), layout.root().join("_nul"));
        let unknown = layout.artifact("fit", &Fingerprint("../../../x".to_owned()));
        assert_eq!(unknown.parent(), Some(layout.cache().as_path()));
    }
}
