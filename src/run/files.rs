//! Checksums of the files of a folder, so that a file that was truncated or changed is never used.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::fingerprint::Fingerprint;
use crate::plan::content_cache;
use crate::run::error::RunError;
use crate::run::publish;

/// Sizes and hashes of the files of a folder, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FolderChecksums(BTreeMap<String, ChecksumEntry>);

/// The size and hash of one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ChecksumEntry {
    bytes: u64,
    /// BLAKE3.
    hash: Fingerprint,
}

/// How thoroughly files are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckDepth {
    /// Existence and size.
    Sizes,
    /// Every byte.
    Content,
}

impl FolderChecksums {
    /// Reads the regular files of a folder except `except`.
    pub fn list(folder: &Path, except: &str) -> Result<Self, RunError> {
        let mut files = Self::default();
        for entry in fs::read_dir(folder).map_err(RunError::io("read", folder))? {
            let entry = entry.map_err(RunError::io("read", folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != except && entry.path().is_file() {
                files.add(folder, &name)?;
            }
        }
        Ok(files)
    }

    /// Adds a file with its current content.
    pub fn add(&mut self, folder: &Path, name: &str) -> Result<(), RunError> {
        let path = folder.join(name);
        let file = content_cache::file(&path).map_err(RunError::io("read", &path))?;
        self.0.insert(name.to_owned(), ChecksumEntry { bytes: file.bytes, hash: file.fingerprint });
        Ok(())
    }

    /// Names of the files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The sum of the file sizes.
    pub fn bytes(&self) -> u64 {
        self.0.values().map(|content| content.bytes).sum()
    }

    /// The first problem of the files in a folder; `None` if all match.
    pub fn damage(&self, folder: &Path, depth: CheckDepth) -> Option<String> {
        self.0.iter().find_map(|(name, known)| known.damage(&folder.join(name), name, depth))
    }

    /// The problem of one file; `None` also if it is not listed.
    pub fn damage_of(&self, folder: &Path, name: &str) -> Option<String> {
        self.0.get(name)?.damage(&folder.join(name), name, CheckDepth::Content)
    }
}

impl ChecksumEntry {
    fn damage(&self, path: &Path, name: &str, depth: CheckDepth) -> Option<String> {
        let bytes = match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => return Some(format!("{name} is not a file")),
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Some(format!("{name} is missing"));
            }
            Err(error) => return Some(format!("{name} cannot be read: {error}")),
        };
        if bytes != self.bytes {
            return Some(format!("{name} has {bytes} bytes instead of {}", self.bytes));
        }
        if depth == CheckDepth::Sizes {
            return None;
        }
        match content_cache::file(path) {
            Ok(file) if file.fingerprint == self.hash => None,
            Ok(_) => Some(format!("{name} was changed after it was written: its BLAKE3 hash differs")),
            Err(error) => Some(format!("{name} cannot be read: {error}")),
        }
    }
}

/// The field of a sealed file that holds its own hash.
const SEAL: &str = "hash";

/// Writes JSON that contains its own hash: that of the text with an empty hash field. `value` must be an
/// object without a field of that name.
pub fn write_sealed(path: &Path, value: &impl Serialize) -> Result<(), RunError> {
    let invalid = |reason: String| RunError::Damaged { path: path.to_owned(), reason };
    let mut json = serde_json::to_value(value).map_err(|error| invalid(error.to_string()))?;
    json[SEAL] = String::new().into();
    let text = format!("{json:#}\n");
    json[SEAL] = content_cache::bytes(text.as_bytes()).0.into();
    publish::write(path, format!("{json:#}\n").as_bytes())
}

/// Reads a sealed file.
///
/// # Errors
/// A message if the file cannot be read or its content does not match its hash.
pub fn read_sealed<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let mut json: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let seal = json.get_mut(SEAL).map(serde_json::Value::take);
    let Some(serde_json::Value::String(seal)) = seal else { return Err("it contains no hash".to_owned()) };
    let unsealed = text.replacen(&format!("\"{seal}\"\n}}"), "\"\"\n}", 1);
    if content_cache::bytes(unsealed.as_bytes()).0 != seal {
        return Err("it was changed after it was written: its own hash differs".to_owned());
    }
    serde_json::from_value(json).map_err(|error| error.to_string())
}

/// Checksums of the files that were copied into a trial's folder.
pub const CHECKSUMS: &str = "checksums.json";

#[derive(Default, Serialize, Deserialize)]
struct TrialChecksums {
    files: FolderChecksums,
}

/// Copies an artifact's files into the folder of a run's trial and records their checksums there.
pub fn copy_to_trial(artifact: &Path, names: &[String], folder: &Path) -> Result<(), RunError> {
    let mut checksums: TrialChecksums = read_sealed(&folder.join(CHECKSUMS)).unwrap_or_default();
    for name in names {
        publish::copy(&artifact.join(name), &folder.join(name))?;
        checksums.files.add(folder, name)?;
    }
    write_sealed(&folder.join(CHECKSUMS), &checksums)
}

/// The problem of a file in a trial's folder; trials of earlier versions have no checksums.
pub fn trial_file_damage(folder: &Path, name: &str) -> Option<String> {
    match trial_checksums(folder)? {
        Ok(files) => files.damage_of(folder, name),
        Err(reason) => Some(reason),
    }
}

/// The checksums in a trial's folder; `None` if an earlier version wrote it.
pub fn trial_checksums(folder: &Path) -> Option<Result<FolderChecksums, String>> {
    let path: PathBuf = folder.join(CHECKSUMS);
    let read = || read_sealed::<TrialChecksums>(&path).map(|checksums| checksums.files);
    path.exists().then(|| read().map_err(|reason| format!("{CHECKSUMS}: {reason}")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{CheckDepth, FolderChecksums, copy_to_trial, read_sealed, trial_file_damage, write_sealed};

    #[test]
    fn every_change_of_a_file_is_detected() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("weights"), [1, 2, 3]).expect("written");
        fs::write(path("events"), "").expect("written");
        fs::write(path("done"), "not counted").expect("written");
        let files = FolderChecksums::list(folder.path(), "done").expect("read");
        assert_eq!((files.names().collect::<Vec<_>>(), files.bytes()), (vec!["events", "weights"], 3));
        let text = |depth| files.damage(folder.path(), depth).unwrap_or_default();
        assert_eq!((text(CheckDepth::Sizes), text(CheckDepth::Content)), Default::default());
        fs::write(path("weights"), [1, 2, 131]).expect("written");
        assert_eq!(text(CheckDepth::Sizes), "", "a flipped bit is not seen by its size");
        assert!(text(CheckDepth::Content).contains("weights was changed"));
        fs::write(path("weights"), []).expect("written");
        assert_eq!(text(CheckDepth::Sizes), "weights has 0 bytes instead of 3");
        fs::remove_file(path("weights")).expect("removed");
        assert_eq!(text(CheckDepth::Sizes), "weights is missing");
        fs::create_dir(path("weights")).expect("made");
        assert_eq!(text(CheckDepth::Sizes), "weights is not a file");
    }

    #[test]
    fn a_sealed_file_detects_its_own_damage() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("done.json");
        let value = serde_json::json!({"a": [0.1, 1e-300], "b": "x\"y", "c": {"hash": "inner"}});
        write_sealed(&path, &value).expect("written");
        assert_eq!(
            read_sealed::<serde_json::Value>(&path).map(|result| result["a"].clone()),
            Ok(value["a"].clone())
        );
        let whole = fs::read(&path).expect("read");
        for index in 0..whole.len() {
            for bit in [0, 1, 6] {
                let mut corrupt = whole.clone();
                corrupt[index] ^= 1 << bit;
                fs::write(&path, &corrupt).expect("written");
                assert!(read_sealed::<serde_json::Value>(&path).is_err(), "bit {bit} of byte {index}");
            }
            fs::write(&path, &whole[..index]).expect("written");
            assert!(read_sealed::<serde_json::Value>(&path).is_err(), "cut at {index}");
        }
    }

    #[test]
    fn a_trial_has_copies_of_its_own() {
        let root = tempfile::tempdir().expect("a folder");
        let (artifact, trial) = (root.path().join("cache"), root.path().join("trial-1"));
        fs::create_dir(&artifact).expect("made");
        for name in ["a", "b"] {
            fs::write(artifact.join(name), name).expect("written");
            copy_to_trial(&artifact, &[name.to_owned()], &trial).expect("copied");
        }
        fs::write(trial.join("a"), "").expect("emptied");
        assert_eq!(fs::read(artifact.join("a")).expect("read"), b"a", "the artifact is another file");
        assert!(trial_file_damage(&trial, "a").is_some_and(|text| text.starts_with("a has 0 bytes")));
        assert_eq!(trial_file_damage(&trial, "b"), None);
        copy_to_trial(&artifact, &["a".to_owned()], &trial).expect("copied again");
        assert_eq!(trial_file_damage(&trial, "a"), None);
    }
}
