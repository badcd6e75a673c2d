//! Checks every byte of stored artifacts, run folders and checkpoints against their checksums.

use std::path::PathBuf;

use crate::domain::fingerprint::Fingerprint;
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::domain::stage::StageKind;
use crate::run::artifact::{ArtifactManifest, ArtifactState};
use crate::run::files::{CHECKSUMS, CheckDepth, trial_checksums};
use crate::run::weights::WEIGHTS;
use crate::train::checkpoint::Checkpoint;

/// A stored file or folder, and the problem with it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredItem {
    /// Path of the file or folder.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// The problem; `None` if there is none.
    pub damage: Option<String>,
}

/// A run as recorded in the database.
pub struct RecordedRun<'a> {
    /// Name of the run.
    pub run: &'a RunId,
    /// The resolved pipeline.
    pub pipeline: &'a str,
    /// Kinds and fingerprints of its finished stages.
    pub stages: Vec<(&'a str, Fingerprint)>,
    /// Numbers of its trials.
    pub trials: Vec<u32>,
}

/// Every artifact of the cache.
pub fn cache(layout: &Layout) -> Vec<StoredItem> {
    let all = ArtifactManifest::all(&layout.cache()).into_iter();
    all.map(|(path, marker)| match marker {
        Ok(marker) => {
            let damage = marker.files.damage(&path, CheckDepth::Content);
            StoredItem { path, bytes: marker.files.bytes(), damage }
        }
        Err(reason) => StoredItem { path, bytes: 0, damage: Some(reason) },
    })
    .collect()
}

/// The artifacts of a run's stages.
pub fn artifacts(layout: &Layout, recorded: &RecordedRun) -> Vec<StoredItem> {
    let stages = recorded.stages.iter().filter_map(|(kind, print)| {
        let path = layout.artifact(kind, print);
        match ArtifactState::at(&path, print, CheckDepth::Content) {
            // Some stages keep nothing; a rebuilt artifact has a row of its own.
            ArtifactState::Nothing => None,
            ArtifactState::Whole(marker) => {
                Some(StoredItem { path, bytes: marker.files.bytes(), damage: None })
            }
            ArtifactState::Damaged(reason) => Some(StoredItem { path, bytes: 0, damage: Some(reason) }),
        }
    });
    stages.collect()
}

/// The files in a run's own folder: its pipeline, its trials' files, and checkpoints of unfinished trainings.
pub fn folder(layout: &Layout, recorded: &RecordedRun) -> Vec<StoredItem> {
    let path = layout.pipeline(recorded.run);
    let (bytes, damage) = match std::fs::read(&path) {
        Ok(text) if text == recorded.pipeline.as_bytes() => (text.len() as u64, None),
        Ok(text) => (text.len() as u64, Some("it differs from the pipeline in the database".to_owned())),
        Err(error) => (0, Some(error.to_string())),
    };
    let mut items = vec![StoredItem { path, bytes, damage }];
    for trial in &recorded.trials {
        let path = layout.trial(recorded.run, *trial);
        match trial_checksums(&path) {
            Some(Ok(files)) => {
                let damage = files.damage(&path, CheckDepth::Content);
                items.push(StoredItem { path, bytes: files.bytes(), damage });
            }
            Some(Err(reason)) => items.push(StoredItem { path, bytes: 0, damage: Some(reason) }),
            // Either nothing finished yet, or an earlier version wrote everything, without checksums.
            None if path.join(WEIGHTS).is_file() && has_hashes(layout, recorded) => {
                items.push(StoredItem { path, bytes: 0, damage: Some(format!("{CHECKSUMS} is missing")) });
            }
            None => {}
        }
        items.extend(checkpoint(layout.checkpoint(recorded.run, *trial)));
    }
    items
}

/// Whether a training of the run was made by a version of `mtl` that stores checksums.
fn has_hashes(layout: &Layout, recorded: &RecordedRun) -> bool {
    let mut trained = recorded.stages.iter().filter(|(kind, _)| *kind == StageKind::Train.name());
    trained.any(|(kind, print)| {
        ArtifactState::at(&layout.artifact(kind, print), print, CheckDepth::Sizes) != ArtifactState::Nothing
    })
}

/// The checkpoint of an unfinished training.
fn checkpoint(folder: PathBuf) -> Option<StoredItem> {
    let path = crate::train::checkpoint::file(&folder);
    let bytes = std::fs::metadata(&path).ok()?.len();
    let damage = Checkpoint::read(&path).err().map(|error| error.to_string());
    Some(StoredItem { path, bytes, damage })
}
