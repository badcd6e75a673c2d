//! The files of a folder by size and content, so that one that was cut, changed or emptied since is never
//! used as if it were whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::fingerprint::Fingerprint;
use crate::plan::content_cache;
use crate::run::error::RunError;
use crate::run::publish;

/// The files of a folder, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FolderChecksums(BTreeMap<String, ChecksumEntry>);

/// What one of them held when it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ChecksumEntry {
    bytes: u64,
    /// BLAKE3.
    hash: Fingerprint,
}

/// How closely files are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckDepth {
    /// Are they there, and as long as they were?
    Sizes,
    /// Every byte.
    Content,
}

impl FolderChecksums {
    /// The ordinary files of a folder, but for `except`.
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

    /// Takes a file as it is now.
    pub fn add(&mut self, folder: &Path, name: &str) -> Result<(), RunError> {
        let path = folder.join(name);
        let result = content_cache::file(&path).map_err(RunError::io("read", &path))?;
        self.0.insert(name.to_owned(), ChecksumEntry { bytes: result.bytes, hash: result.fingerprint });
        Ok(())
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The sum of their sizes.
    pub fn bytes(&self) -> u64 {
        self.0.values().map(|content| content.bytes).sum()
    }

    /// What is wrong with the files of a folder; `None` when all are as they were.
    pub fn damage(&self, folder: &Path, look: CheckDepth) -> Option<String> {
        self.0.iter().find_map(|(name, known)| known.damage(&folder.join(name), name, look))
    }

    /// What is wrong with one of them; `None` also where it is not among them.
    pub fn damage_of(&self, folder: &Path, name: &str) -> Option<String> {
        self.0.get(name)?.damage(&folder.join(name), name, CheckDepth::Content)
    }
}

impl ChecksumEntry {
    fn damage(&self, path: &Path, name: &str, look: CheckDepth) -> Option<String> {
        let bytes = match fs::metadata(path) {
            Ok(result) if !result.is_file() => return Some(format!("{name} is not a file")),
            Ok(result) => result.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Some(format!("{name} is missing"));
            }
            Err(error) => return Some(format!("{name} cannot be read: {error}")),
        };
        if bytes != self.bytes {
            return Some(format!("{name} has {bytes} bytes and was written with {}", self.bytes));
        }
        if look == CheckDepth::Sizes {
            return None;
        }
        match content_cache::file(path) {
            Ok(result) if result.fingerprint == self.hash => None,
            Ok(_) => Some(format!("{name} was changed after it was written: its BLAKE3 hash differs")),
            Err(error) => Some(format!("{name} cannot be read: {error}")),
        }
    }
}

/// The field of a sealed file that holds the hash of the others.
const SEAL: &str = "hash";

/// Writes JSON that carries its own hash: that of its text with an empty one. `value` is an object without a
/// field of that name.
pub fn write_sealed(path: &Path, value: &impl Serialize) -> Result<(), RunError> {
    let damaged = |reason: String| RunError::Damaged { path: path.to_owned(), reason };
    let mut json = serde_json::to_value(value).map_err(|error| damaged(error.to_string()))?;
    json[SEAL] = String::new().into();
    let text = format!("{json:#}\n");
    json[SEAL] = content_cache::bytes(text.as_bytes()).0.into();
    publish::write(path, format!("{json:#}\n").as_bytes())
}

/// Reads it; what is wrong with it where it is not what was written.
pub fn read_sealed<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let mut json: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let seal = json.get_mut(SEAL).map(serde_json::Value::take);
    let Some(serde_json::Value::String(seal)) = seal else { return Err("it carries no hash".to_owned()) };
    let unsealed = text.replacen(&format!("\"{seal}\"\n}}"), "\"\"\n}", 1);
    if content_cache::bytes(unsealed.as_bytes()).0 != seal {
        return Err("it was changed after it was written: its own hash differs".to_owned());
    }
    serde_json::from_value(json).map_err(|error| error.to_string())
}

/// The hashes of what a run's trial was given, in its folder.
pub const CHECKSUMS: &str = "checksums.json";

#[derive(Default, Serialize, Deserialize)]
struct ArtifactFile {
    files: FolderChecksums,
}

/// Copies an artifact's files into the folder of a run's trial, and notes there what they hold.
pub fn give(artifact: &Path, names: &[String], folder: &Path) -> Result<(), RunError> {
    let mut given: ArtifactFile = read_sealed(&folder.join(CHECKSUMS)).unwrap_or_default();
    for name in names {
        publish::copy(&artifact.join(name), &folder.join(name))?;
        given.files.add(folder, name)?;
    }
    write_sealed(&folder.join(CHECKSUMS), &given)
}

/// What is wrong with a file that a trial was given; trials of earlier versions have no hashes.
pub fn given_damage(folder: &Path, name: &str) -> Option<String> {
    match read_given(folder)? {
        Ok(files) => files.damage_of(folder, name),
        Err(reason) => Some(reason),
    }
}

/// What a trial was given; `None` where an earlier version gave it.
pub fn read_given(folder: &Path) -> Option<Result<FolderChecksums, String>> {
    let path: PathBuf = folder.join(CHECKSUMS);
    let read = || read_sealed::<ArtifactFile>(&path).map(|given| given.files);
    path.exists().then(|| read().map_err(|reason| format!("{CHECKSUMS}: {reason}")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{CheckDepth, FolderChecksums, give, given_damage, read_sealed, write_sealed};

    #[test]
    fn every_change_of_a_file_is_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("weights"), [1, 2, 3]).expect("written");
        fs::write(at("events"), "").expect("written");
        fs::write(at("done"), "not counted").expect("written");
        let files = FolderChecksums::list(folder.path(), "done").expect("read");
        assert_eq!((files.names().collect::<Vec<_>>(), files.bytes()), (vec!["events", "weights"], 3));
        let text = |look| files.damage(folder.path(), look).unwrap_or_default();
        assert_eq!((text(CheckDepth::Sizes), text(CheckDepth::Content)), Default::default());
        fs::write(at("weights"), [1, 2, 131]).expect("written");
        assert_eq!(text(CheckDepth::Sizes), "", "a flipped bit is not seen by its size");
        assert!(text(CheckDepth::Content).contains("weights was changed"));
        fs::write(at("weights"), []).expect("written");
        assert_eq!(text(CheckDepth::Sizes), "weights has 0 bytes and was written with 3");
        fs::remove_file(at("weights")).expect("removed");
        assert_eq!(text(CheckDepth::Sizes), "weights is missing");
        fs::create_dir(at("weights")).expect("made");
        assert_eq!(text(CheckDepth::Sizes), "weights is not a file");
    }

    #[test]
    fn a_sealed_file_knows_its_own_damage() {
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
                let mut bent = whole.clone();
                bent[index] ^= 1 << bit;
                fs::write(&path, &bent).expect("written");
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
            give(&artifact, &[name.to_owned()], &trial).expect("given");
        }
        fs::write(trial.join("a"), "").expect("emptied");
        assert_eq!(fs::read(artifact.join("a")).expect("read"), b"a", "the artifact is another file");
        assert!(given_damage(&trial, "a").is_some_and(|text| text.starts_with("a has 0 bytes")));
        assert_eq!(given_damage(&trial, "b"), None);
        give(&artifact, &["a".to_owned()], &trial).expect("given again");
        assert_eq!(given_damage(&trial, "a"), None);
    }
}
