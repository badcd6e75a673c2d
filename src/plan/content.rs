//! Data files by content. A file's hash is remembered by its path, size, modification time and inode,
//! so that a gigabyte is read once and not at every `mtl plan`.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::domain::event::FileContent;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::whole_file::{folder, write_whole};

/// Counts up when the remembered form changes; another version is forgotten.
const FORMAT: u32 = 1;

/// A file changed this short a time ago may change again without its time showing it.
const RACY_SECONDS: u64 = 2;

/// The content of a file, read whole.
pub fn file(path: &Path) -> io::Result<FileContent> {
    let mut reader = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                hasher.update(&buffer[..read]);
                bytes += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let fingerprint = Fingerprint(hasher.finalize().to_hex().to_string());
    Ok(FileContent { path: path.to_owned(), bytes, fingerprint })
}

/// The content of some bytes.
pub fn bytes(bytes: &[u8]) -> Fingerprint {
    Fingerprint(blake3::hash(bytes).to_hex().to_string())
}

/// The content of a table: its files', in the order it reads them, and the names that its rows are made of.
pub fn combined(files: &[FileContent], names: &[String]) -> Fingerprint {
    let mut hasher = blake3::Hasher::new();
    for file in files {
        hasher.update(file.fingerprint.0.as_bytes());
        hasher.update(b"\n");
    }
    for name in names {
        hasher.update(name.as_bytes());
        hasher.update(b"\n");
    }
    Fingerprint(hasher.finalize().to_hex().to_string())
}

/// Remembered contents, kept in a JSON file that may be lost or damaged without harm.
#[derive(Debug, Default)]
pub struct Contents {
    place: Option<PathBuf>,
    known: BTreeMap<String, Remembered>,
    changed: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Remembered {
    size: u64,
    /// Nanoseconds since 1970.
    modified: i64,
    inode: u64,
    fingerprint: Fingerprint,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    files: BTreeMap<String, Remembered>,
}

impl Contents {
    /// What was remembered at `place`; nothing when it is absent, damaged or of another version.
    pub fn open(place: impl Into<PathBuf>) -> Self {
        let place = place.into();
        let stored = std::fs::read(&place).ok().and_then(|text| serde_json::from_slice::<Stored>(&text).ok());
        let known = stored.filter(|stored| stored.format == FORMAT).map(|stored| stored.files);
        Self { place: Some(place), known: known.unwrap_or_default(), changed: false }
    }

    /// A file's content, remembered or read.
    pub fn file(&mut self, path: &Path) -> io::Result<FileContent> {
        let path = std::path::absolute(path)?;
        let metadata = std::fs::metadata(&path)?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a folder, not a file"));
        }
        let key = path.to_string_lossy().into_owned();
        let (size, modified, inode) = identity(&metadata);
        if let Some(known) = self.known.get(&key)
            && (known.size, known.modified, known.inode) == (size, modified, inode)
        {
            return Ok(FileContent { path, bytes: size, fingerprint: known.fingerprint.clone() });
        }
        let content = file(&path)?;
        let after = identity(&std::fs::metadata(&path)?);
        let remembered = Remembered { size, modified, inode, fingerprint: content.fingerprint.clone() };
        if after == (size, modified, inode) && content.bytes == size && settled(&metadata) {
            self.known.insert(key, remembered);
        } else {
            self.known.remove(&key);
        }
        self.changed = true;
        Ok(content)
    }

    /// Writes what is remembered beside its place and moves it there, when there is something new.
    pub fn save(&mut self) -> io::Result<()> {
        let Some(place) = self.place.as_ref().filter(|_| self.changed) else { return Ok(()) };
        std::fs::create_dir_all(folder(place))?;
        // Another process may have learned of other files meanwhile.
        let mut files = Self::open(place.clone()).known;
        files.extend(self.known.iter().map(|(path, known)| (path.clone(), known.clone())));
        let text = serde_json::to_vec(&Stored { format: FORMAT, files })?;
        write_whole(place, |file| file.write_all(&text))?;
        self.changed = false;
        Ok(())
    }
}

fn identity(metadata: &Metadata) -> (u64, i64, u64) {
    let modified = match metadata.modified().map(|time| time.duration_since(UNIX_EPOCH)) {
        Ok(Ok(after)) => after.as_nanos() as i64,
        Ok(Err(before)) => -(before.duration().as_nanos() as i64),
        Err(_) => 0,
    };
    (metadata.len(), modified, inode(metadata))
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

/// Was it changed long enough ago that a later change shows in its time?
fn settled(metadata: &Metadata) -> bool {
    let age = metadata.modified().map(|time| SystemTime::now().duration_since(time));
    matches!(age, Ok(Ok(age)) if age.as_secs() >= RACY_SECONDS)
}
