//! Content hashes of data files. A file's hash is cached by path, size, inode and the times of its last
//! change, so that a gigabyte is read once and not for every `mtl plan`. Programs that copy a file may reset
//! its modification time; they cannot reset the change time of the file system (Unix: ctime).

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::disk::regular_file;
use crate::disk::whole_file::{parent_folder, write_atomically};
use crate::domain::event::FileContent;
use crate::domain::fingerprint::Fingerprint;

/// Version of the cache file; other versions are ignored.
const FORMAT: u32 = 2;

/// A file that changed less than this many nanoseconds ago may change again without a visible change of its
/// time.
const SETTLE_TIME: i64 = 2_000_000_000;

/// Reads and hashes a file.
///
/// # Errors
///
/// If the file cannot be read, or is not a regular file.
pub fn file(path: &Path) -> io::Result<FileContent> {
    let mut reader = regular_file::open(path)?;
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

/// Hashes bytes.
pub fn bytes(bytes: &[u8]) -> Fingerprint {
    Fingerprint(blake3::hash(bytes).to_hex().to_string())
}

/// Hashes the content of a table: its files, in the order of reading, and the file names that its rows
/// contain.
pub fn combined(files: &[FileContent], names: &[String]) -> Fingerprint {
    let mut hasher = blake3::Hasher::new();
    for file in files {
        hasher.update(file.fingerprint.0.as_bytes());
        hasher.update(b"\n");
    }
    // Prefixed by the length, because a name may contain any character.
    for name in names {
        hasher.update(format!("{} {name}\n", name.len()).as_bytes());
    }
    Fingerprint(hasher.finalize().to_hex().to_string())
}

/// The cache of content hashes, stored as a JSON file that may be lost or damaged without harm: it is used
/// only if its own hash is correct.
#[derive(Debug, Default)]
pub struct ContentCache {
    file: Option<PathBuf>,
    known: BTreeMap<String, CachedContent>,
    changed: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct CachedContent {
    #[serde(flatten)]
    identity: FileIdentity,
    fingerprint: Fingerprint,
}

/// Identifies an unchanged file without reading it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct FileIdentity {
    size: u64,
    /// Nanoseconds since 1970.
    modified: i64,
    /// Nanoseconds since 1970 of the last change of content, name, owner or times; 0 if not available.
    changed: i64,
    inode: u64,
}

#[derive(Serialize, Deserialize)]
struct ContentCacheFile {
    format: u32,
    files: BTreeMap<String, CachedContent>,
    /// Hash of the other two fields.
    hash: String,
}

impl ContentCacheFile {
    fn new(files: BTreeMap<String, CachedContent>) -> Self {
        let mut stored = Self { format: FORMAT, files, hash: String::new() };
        stored.hash = stored.own_hash();
        stored
    }

    fn own_hash(&self) -> String {
        let text = serde_json::to_vec(&(self.format, &self.files)).unwrap_or_default();
        blake3::hash(&text).to_hex().to_string()
    }
}

impl ContentCache {
    /// Loads the cache file; the cache is empty if the file is missing, damaged or of another version.
    pub fn open(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let stored =
            std::fs::read(&path).ok().and_then(|text| serde_json::from_slice::<ContentCacheFile>(&text).ok());
        let is_valid =
            |stored: &ContentCacheFile| stored.format == FORMAT && stored.hash == stored.own_hash();
        let known = stored.filter(is_valid).map(|stored| stored.files);
        Self { file: Some(path), known: known.unwrap_or_default(), changed: false }
    }

    /// Returns the content hash of a file, from the cache or by reading it.
    pub fn file(&mut self, path: &Path) -> io::Result<FileContent> {
        let path = std::path::absolute(path)?;
        let metadata = regular_file::metadata(&path)?;
        let key = path.to_string_lossy().into_owned();
        let identity = FileIdentity::from_metadata(&metadata);
        if let Some(known) = self.known.get(&key)
            && known.identity == identity
        {
            return Ok(FileContent { path, bytes: identity.size, fingerprint: known.fingerprint.clone() });
        }
        let content = file(&path)?;
        let is_unchanged = FileIdentity::from_metadata(&std::fs::metadata(&path)?) == identity
            && content.bytes == identity.size;
        if is_unchanged && identity.is_settled() {
            self.known.insert(key, CachedContent { identity, fingerprint: content.fingerprint.clone() });
        } else {
            self.known.remove(&key);
        }
        self.changed = true;
        Ok(content)
    }

    /// Writes the cache file atomically, if there are new entries.
    pub fn save(&mut self) -> io::Result<()> {
        let Some(cache_path) = self.file.as_ref().filter(|_| self.changed) else { return Ok(()) };
        std::fs::create_dir_all(parent_folder(cache_path))?;
        // Keep what another process has added in the meantime.
        let mut files = Self::open(cache_path.clone()).known;
        files.extend(self.known.iter().map(|(path, known)| (path.clone(), known.clone())));
        let text = serde_json::to_vec(&ContentCacheFile::new(files))?;
        write_atomically(cache_path, |file| file.write_all(&text))?;
        self.changed = false;
        Ok(())
    }
}

impl FileIdentity {
    fn from_metadata(metadata: &Metadata) -> Self {
        let modified = match metadata.modified().map(|time| time.duration_since(UNIX_EPOCH)) {
            Ok(Ok(after)) => after.as_nanos() as i64,
            Ok(Err(before)) => -(before.duration().as_nanos() as i64),
            Err(_) => 0,
        };
        let (changed, inode) = changed(metadata);
        Self { size: metadata.len(), modified, changed, inode }
    }

    /// Was the last change long enough ago that a later one has another time?
    fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as i64);
        self.modified != 0 && now.saturating_sub(self.modified.max(self.changed)) >= SETTLE_TIME
    }
}

#[cfg(unix)]
fn changed(metadata: &Metadata) -> (i64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.ctime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec()), metadata.ino())
}

#[cfg(not(unix))]
fn changed(_: &Metadata) -> (i64, u64) {
    (0, 0)
}

#[cfg(test)]
mod tests {
    use std::fs::{File, FileTimes};
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use crate::plan::content_cache::{ContentCache, combined};

    fn old() -> SystemTime {
        SystemTime::now() - Duration::from_secs(3600)
    }

    fn write(path: &Path, text: &str, time: SystemTime) {
        std::fs::write(path, text).unwrap();
        let times = FileTimes::new().set_modified(time);
        File::options().write(true).open(path).unwrap().set_times(times).unwrap();
    }

    /// `cp -p`, `rsync -t` and `touch -r` do this.
    #[test]
    #[cfg(unix)]
    fn a_change_is_detected_although_size_and_time_are_reset() {
        let folder = tempfile::tempdir().unwrap();
        let (path, time) = (folder.path().join("a"), old());
        write(&path, "one", time);
        // Only files that changed a while ago are cached.
        std::thread::sleep(Duration::from_millis(2100));
        let mut contents = ContentCache::open(folder.path().join("files.json"));
        let one = contents.file(&path).unwrap();
        contents.save().unwrap();
        write(&path, "two", time);
        let mut contents = ContentCache::open(folder.path().join("files.json"));
        assert_eq!(contents.known.len(), 1, "the hash is cached");
        let two = contents.file(&path).unwrap();
        assert_ne!(one.fingerprint, two.fingerprint);
        assert_eq!(two.fingerprint, super::file(&path).unwrap().fingerprint);
    }

    #[test]
    fn a_damaged_cache_file_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("files.json");
        let remembered = |from: &str, to: &str| {
            let mut contents = ContentCache::open(&path);
            let identity = super::FileIdentity { size: 3, modified: 5, changed: 6, inode: 7 };
            let fingerprint = crate::domain::fingerprint::Fingerprint("abc".to_owned());
            contents.known.insert("/data/a".to_owned(), super::CachedContent { identity, fingerprint });
            contents.changed = true;
            contents.save().unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.contains(from), "{text}");
            std::fs::write(&path, text.replace(from, to)).unwrap();
            let known = ContentCache::open(&path).known.len();
            std::fs::remove_file(&path).unwrap();
            known
        };
        assert_eq!(remembered("abc", "abc"), 1);
        for (from, to) in [("abc", "abd"), ("data/a", "data/b"), ("\"inode\":7", "\"inode\":8"), ("}", "")] {
            assert_eq!(remembered(from, to), 0, "{from}");
        }
    }

    #[test]
    fn adjacent_names_cannot_be_confused() {
        let names =
            |names: &[&str]| combined(&[], &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_ne!(names(&["a", "b"]), names(&["a\nb"]));
        assert_ne!(names(&["a", "b"]), names(&["a\n1 b"]));
    }
}
