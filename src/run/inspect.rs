//! Is what is kept still what was written? Every byte of the cache's artifacts and of what runs were given.

use std::path::PathBuf;

use crate::domain::fingerprint::Fingerprint;
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::domain::stage::StageKind;
use crate::run::artifact::{ArtifactManifest, ArtifactState};
use crate::run::files::{CHECKSUMS, CheckDepth, read_given};
use crate::run::weights::WEIGHTS;
use crate::train::checkpoint::Checkpoint;

/// Something kept, and what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredItem {
    pub path: PathBuf,
    pub bytes: u64,
    pub damage: Option<String>,
}

/// What a run's row in the database says of it.
pub struct RecordedRun<'a> {
    pub run: &'a RunId,
    /// The pipeline as resolved.
    pub pipeline: &'a str,
    /// Its finished stages: their kinds and fingerprints.
    pub stages: Vec<(&'a str, Fingerprint)>,
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
            // Some stages keep nothing; what `--fresh` or a damage made anew has its own row.
            ArtifactState::Nothing => None,
            ArtifactState::Whole(marker) => {
                Some(StoredItem { path, bytes: marker.files.bytes(), damage: None })
            }
            ArtifactState::Damaged(reason) => Some(StoredItem { path, bytes: 0, damage: Some(reason) }),
        }
    });
    stages.collect()
}

/// What lies in a run's own folder: its pipeline, its trials' files, and checkpoints of what is unfinished.
pub fn folder(layout: &Layout, recorded: &RecordedRun) -> Vec<StoredItem> {
    let path = layout.pipeline(recorded.run);
    let (bytes, damage) = match std::fs::read(&path) {
        Ok(text) if text == recorded.pipeline.as_bytes() => (text.len() as u64, None),
        Ok(text) => (text.len() as u64, Some("it is not the pipeline that the database has".to_owned())),
        Err(error) => (0, Some(error.to_string())),
    };
    let mut kept = vec![StoredItem { path, bytes, damage }];
    for trial in &recorded.trials {
        let path = layout.trial(recorded.run, *trial);
        match read_given(&path) {
            Some(Ok(files)) => {
                let damage = files.damage(&path, CheckDepth::Content);
                kept.push(StoredItem { path, bytes: files.bytes(), damage });
            }
            Some(Err(reason)) => kept.push(StoredItem { path, bytes: 0, damage: Some(reason) }),
            // Nothing was finished yet, or all by an earlier version, whose artifacts have no hashes either.
            None if path.join(WEIGHTS).is_file() && has_hashes(layout, recorded) => {
                kept.push(StoredItem { path, bytes: 0, damage: Some(format!("{CHECKSUMS} is missing")) });
            }
            None => {}
        }
        kept.extend(checkpoint(layout.checkpoint(recorded.run, *trial)));
    }
    kept
}

/// Was a training of the run made by an `mtl` that notes hashes?
fn has_hashes(layout: &Layout, recorded: &RecordedRun) -> bool {
    let mut trained = recorded.stages.iter().filter(|(kind, _)| *kind == StageKind::Train.name());
    trained.any(|(kind, print)| {
        ArtifactState::at(&layout.artifact(kind, print), print, CheckDepth::Sizes) != ArtifactState::Nothing
    })
}

/// A training's checkpoint, where it is unfinished.
fn checkpoint(folder: PathBuf) -> Option<StoredItem> {
    let path = crate::train::checkpoint::file(&folder);
    let bytes = std::fs::metadata(&path).ok()?.len();
    let damage = Checkpoint::read(&path).err().map(|error| error.to_string());
    Some(StoredItem { path, bytes, damage })
}
