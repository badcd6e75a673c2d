//! Artifacts: what stages produce. A finished stage is a folder named by its fingerprint, published as a
//! whole, with a manifest of its content. A folder whose content does not match is damaged and rebuilt.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::{LoadedTable, SplitRows};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::table::Dataset;
use crate::run::error::RunError;
use crate::run::files::{self, CheckDepth, FolderChecksums};

/// The output of a stage.
#[derive(Clone)]
pub enum Artifact {
    /// A table as read. In memory only: reading it again is cheaper than storing it.
    Loaded(LoadedTable),
    /// The rows of each split. In memory only.
    Rows(SplitRows),
    /// A fitted dataset.
    Dataset(Arc<Dataset>),
    /// Files in the artifact's folder.
    Folder(PathBuf),
}

const MARKER: &str = "done.json";

/// The manifest in an artifact's folder: its content and what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArtifactManifest {
    /// Name of the stage.
    pub stage: String,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Hash of everything it depends on.
    pub fingerprint: Fingerprint,
    /// The settings that the stage depends on.
    #[serde(rename = "words")]
    pub config: serde_json::Value,
    /// The stages it depends on, by fingerprint.
    pub upstream: BTreeMap<String, Fingerprint>,
    /// Checksums of all other files.
    pub files: FolderChecksums,
}

/// What was found at an artifact's path.
#[derive(Clone, Debug, PartialEq)]
pub enum ArtifactState {
    /// No folder.
    Nothing,
    /// An artifact whose files have their recorded hashes.
    Whole(ArtifactManifest),
    /// Not usable, and why.
    Damaged(String),
}

impl ArtifactState {
    /// Inspects an artifact's folder and compares it with the expected `fingerprint`.
    pub fn at(folder: &Path, fingerprint: &Fingerprint, depth: CheckDepth) -> Self {
        let read = || files::read_sealed::<ArtifactManifest>(&folder.join(MARKER));
        let mut marker = read();
        if marker.is_err() && !folder.exists() {
            return Self::Nothing;
        }
        loop {
            let state = match &marker {
                // Another process may have published an artifact there since.
                Err(_) if outdated(folder) => return Self::Nothing,
                Err(reason) => Self::Damaged(format!("{MARKER}: {reason}")),
                Ok(known) if known.fingerprint != *fingerprint => {
                    Self::Damaged(format!("{MARKER} belongs to another artifact"))
                }
                Ok(known) => match known.files.damage(folder, depth) {
                    Some(reason) => Self::Damaged(reason),
                    None => return Self::Whole(known.clone()),
                },
            };
            // A folder that was replaced during the check is checked again.
            let again = read();
            if again == marker {
                return state;
            }
            marker = again;
        }
    }

    /// Whether every byte of the artifact is intact.
    pub fn is_whole(folder: &Path, fingerprint: &Fingerprint) -> bool {
        matches!(Self::at(folder, fingerprint, CheckDepth::Content), Self::Whole(_))
    }
}

/// Whether it was written by a version of `mtl` that stored no checksums.
fn outdated(folder: &Path) -> bool {
    let text = fs::read(folder.join(MARKER)).unwrap_or_default();
    let json = serde_json::from_slice::<serde_json::Value>(&text);
    json.is_ok_and(|json| json.is_object() && json.get("files").is_none() && json.get("hash").is_none())
}

impl ArtifactManifest {
    /// Writes the manifest into `folder`, as its last file.
    pub fn write(&self, folder: &Path) -> Result<(), RunError> {
        files::write_sealed(&folder.join(MARKER), self)
    }

    /// Checksums of the files of an artifact that is about to be published.
    pub fn files(folder: &Path) -> Result<FolderChecksums, RunError> {
        FolderChecksums::list(folder, MARKER)
    }

    /// Every artifact of a cache folder, or the reason why its manifest cannot be read. Artifacts without
    /// checksums, from earlier versions, are skipped.
    pub fn all(cache: &Path) -> Vec<(PathBuf, Result<Self, String>)> {
        let folders = fs::read_dir(cache).into_iter().flat_map(|folders| folders.flatten());
        let folders = folders.map(|entry| entry.path()).filter(|path| path.is_dir());
        let is_hidden =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let mut folders: Vec<PathBuf> = folders.filter(|path| !is_hidden(path) && !outdated(path)).collect();
        folders.sort();
        let read = |folder: PathBuf| {
            let marker =
                files::read_sealed(&folder.join(MARKER)).map_err(|reason| format!("{MARKER}: {reason}"));
            (folder, marker)
        };
        folders.into_iter().map(read).collect()
    }

    /// The newest artifact of each stage of a pipeline, by stage key.
    pub fn latest(cache: &Path, pipeline: &str) -> BTreeMap<String, Self> {
        let mut artifacts: Vec<_> = Self::all(cache)
            .into_iter()
            .filter_map(|(folder, marker)| {
                let marker = marker.ok().filter(|marker| marker.pipeline == pipeline)?;
                let made = fs::metadata(folder.join(MARKER)).and_then(|data| data.modified()).ok()?;
                Some((made, marker))
            })
            .collect();
        artifacts.sort_by_key(|(made, _)| *made);
        artifacts.into_iter().map(|(_, marker)| (marker.stage.clone(), marker)).collect()
    }

    /// Why this stage differs from the one that made `self`: what changed, in a few words.
    pub fn difference(&self, config: &serde_json::Value, upstream: &BTreeMap<String, Fingerprint>) -> String {
        let mut changes = Vec::new();
        changed_paths("", &self.config, config, &mut changes);
        for (stage, fingerprint) in upstream {
            if self.upstream.get(stage) != Some(fingerprint) {
                changes.push(format!("stage {stage}"));
            }
        }
        match changes.len() {
            0 => "made by another version of mtl".to_owned(),
            1..=3 => format!("changed: {}", changes.join(", ")),
            more => format!("changed: {} and {} more", changes[..3].join(", "), more - 3),
        }
    }
}

/// Collects the paths at which two configurations differ.
fn changed_paths(path: &str, old: &serde_json::Value, new: &serde_json::Value, changes: &mut Vec<String>) {
    use serde_json::Value::{Array, Object};
    if old == new {
        return;
    }
    let step = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (old, new) {
        (Object(a), Object(b)) => {
            let added = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(added) {
                let missing = serde_json::Value::Null;
                let (x, y) = (a.get(key).unwrap_or(&missing), b.get(key).unwrap_or(&missing));
                changed_paths(&step(key), x, y, changes);
            }
        }
        (Array(a), Array(b)) if a.len() == b.len() => {
            for (index, (x, y)) in a.iter().zip(b).enumerate() {
                changed_paths(&format!("{path}[{index}]"), x, y, changes);
            }
        }
        _ => changes.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{ArtifactManifest, ArtifactState, MARKER};
    use crate::domain::fingerprint::Fingerprint;
    use crate::run::files::{CheckDepth, FolderChecksums};

    fn print(text: &str) -> Fingerprint {
        Fingerprint(text.to_owned())
    }

    #[test]
    fn damage_to_an_artifact_is_detected() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("train-aa");
        let look = |look| ArtifactState::at(&folder, &print("aa"), look);
        assert_eq!(look(CheckDepth::Content), ArtifactState::Nothing);
        std::fs::create_dir(&folder).expect("made");
        assert!(matches!(look(CheckDepth::Sizes), ArtifactState::Damaged(_)), "a folder without a marker");
        std::fs::write(folder.join("weights"), [1, 2, 3]).expect("written");
        std::fs::write(folder.join("events.jsonl"), "{}\n").expect("written");
        let marker = ArtifactManifest {
            stage: "train#1".into(),
            pipeline: "p".into(),
            fingerprint: print("aa"),
            config: serde_json::json!({"rate": 0.1}),
            upstream: BTreeMap::new(),
            files: ArtifactManifest::files(&folder).expect("read"),
        };
        marker.write(&folder).expect("written");
        assert_eq!(look(CheckDepth::Content), ArtifactState::Whole(marker.clone()));
        assert!(
            ArtifactState::is_whole(&folder, &print("aa")) && !ArtifactState::is_whole(&folder, &print("bb"))
        );
        for name in ["weights", "events.jsonl", MARKER] {
            let whole = std::fs::read(folder.join(name)).expect("read");
            let flipped =
                whole.iter().enumerate().map(|(at, byte)| if at == 1 { byte ^ 4 } else { *byte }).collect();
            for corrupt in [vec![], whole[..whole.len() - 1].to_vec(), flipped] {
                std::fs::write(folder.join(name), corrupt).expect("written");
                let found = look(CheckDepth::Content);
                assert!(matches!(found, ArtifactState::Damaged(text) if text.starts_with(name)), "{name}");
            }
            std::fs::remove_file(folder.join(name)).expect("removed");
            assert!(
                matches!(look(CheckDepth::Sizes), ArtifactState::Damaged(text) if text.starts_with(name)),
                "{name}"
            );
            std::fs::write(folder.join(name), whole).expect("written");
            assert_eq!(look(CheckDepth::Content), ArtifactState::Whole(marker.clone()));
        }
        // As earlier versions wrote it.
        std::fs::write(folder.join(MARKER), r#"{"stage": "train#1", "fingerprint": "aa"}"#).expect("written");
        assert_eq!(look(CheckDepth::Content), ArtifactState::Nothing);
    }

    #[test]
    fn a_difference_names_the_settings() {
        let marker = ArtifactManifest {
            stage: "train#1".into(),
            pipeline: "p".into(),
            fingerprint: print("aa"),
            config: serde_json::json!({"train": {"epochs": 3, "rate": [1, 2]}, "seed": 1}),
            upstream: BTreeMap::from([("fit".to_owned(), print("01"))]),
            files: FolderChecksums::default(),
        };
        let config = serde_json::json!({"train": {"epochs": 4, "rate": [1, 5]}, "seed": 1});
        let upstream = BTreeMap::from([("fit".to_owned(), print("02"))]);
        assert_eq!(marker.difference(&config, &upstream), "changed: train.epochs, train.rate[1], stage fit");
    }
}
