//! What a stage gives, and how a finished stage is known again: a folder of its fingerprint's name
//! with a marker in it, published whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::{Loaded, Rows};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::table::Dataset;
use crate::run::error::Error;
use crate::run::place;

/// What a stage gives to those that need it.
#[derive(Clone)]
pub enum Artifact {
    /// A table as read. In memory only: reading it again is cheaper than keeping it.
    Loaded(Loaded),
    /// Which rows train, choose and test. In memory only.
    Rows(Rows),
    Dataset(Arc<Dataset>),
    /// Files in the artifact's folder.
    Folder(PathBuf),
}

const MARKER: &str = "done.json";

/// Says that an artifact's folder is whole, and what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Marker {
    pub stage: String,
    pub pipeline: String,
    pub fingerprint: Fingerprint,
    /// The settings that count for this stage.
    pub words: serde_json::Value,
    /// The stages it needed, by fingerprint.
    pub upstream: BTreeMap<String, Fingerprint>,
}

impl Marker {
    /// The marker of a finished artifact; `None` when there is none, or not of this fingerprint.
    pub fn read(folder: &Path, fingerprint: &Fingerprint) -> Option<Self> {
        read_marker(folder).filter(|marker| marker.fingerprint == *fingerprint)
    }

    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        place::write(&folder.join(MARKER), &text)
    }

    /// The newest artifact that each stage of a pipeline made before, by the stage's key.
    pub fn latest(cache: &Path, pipeline: &str) -> BTreeMap<String, Self> {
        let mut found: Vec<_> = fs::read_dir(cache)
            .into_iter()
            .flat_map(|folders| folders.flatten())
            .filter_map(|entry| {
                let marker = read_marker(&entry.path()).filter(|marker| marker.pipeline == pipeline)?;
                let made = fs::metadata(entry.path().join(MARKER)).and_then(|data| data.modified()).ok()?;
                Some((made, marker))
            })
            .collect();
        found.sort_by_key(|(made, _)| *made);
        found.into_iter().map(|(_, marker)| (marker.stage.clone(), marker)).collect()
    }

    /// Why this stage is not the one that made `self`: what changed since, in a few words.
    pub fn difference(&self, words: &serde_json::Value, upstream: &BTreeMap<String, Fingerprint>) -> String {
        let mut changes = Vec::new();
        changed_paths("", &self.words, words, &mut changes);
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

fn read_marker(folder: &Path) -> Option<Marker> {
    serde_json::from_slice(&fs::read(folder.join(MARKER)).ok()?).ok()
}

/// The addresses at which two settings differ.
fn changed_paths(at: &str, old: &serde_json::Value, new: &serde_json::Value, changes: &mut Vec<String>) {
    use serde_json::Value::{Array, Object};
    if old == new {
        return;
    }
    let step = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
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
                changed_paths(&format!("{at}[{index}]"), x, y, changes);
            }
        }
        _ => changes.push(at.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Marker;
    use crate::domain::fingerprint::Fingerprint;

    #[test]
    fn a_difference_names_the_settings() {
        let print = |text: &str| Fingerprint(text.to_owned());
        let marker = Marker {
            stage: "train#1".into(),
            pipeline: "p".into(),
            fingerprint: print("aa"),
            words: serde_json::json!({"train": {"epochs": 3, "rate": [1, 2]}, "seed": 1}),
            upstream: BTreeMap::from([("fit".to_owned(), print("01"))]),
        };
        let words = serde_json::json!({"train": {"epochs": 4, "rate": [1, 5]}, "seed": 1});
        let upstream = BTreeMap::from([("fit".to_owned(), print("02"))]);
        assert_eq!(marker.difference(&words, &upstream), "changed: train.epochs, train.rate[1], stage fit");
    }
}
