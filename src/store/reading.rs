//! Reads a database where nothing can be written: a read-only folder, another user's folder, a full disk.
//!
//! SQLite writes even to read: it keeps an index (`-shm`) of the write-ahead log beside the database, and it
//! has to merge what a killed process left in the log or in a rollback journal. So three ways are tried in
//! this order: the usual one, shared with other processes; if that fails and no log or journal is left, as
//! an immutable file; else a copy in a temporary folder, where SQLite can write. The file is never read
//! without its log or journal, since it may then mix two states.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::store::connection::{configure, connect};
use crate::store::error::{PATIENCE, StoreError};
use crate::store::inspection::{has_content, sidecar_path, version};
use crate::store::migration::{VERSION, migrate};

/// Suffixes of the files that SQLite leaves when its process is killed.
const JOURNAL_SUFFIXES: [&str; 2] = ["-wal", "-journal"];

/// Size and modification time of a file; `None` if it does not exist.
pub(crate) type FileStamp = Option<(u64, Option<SystemTime>)>;

/// A connection for reading.
pub(crate) struct StoreReader {
    pub connection: Connection,
    /// The file's stamp when it was opened as an immutable file.
    pub unchanged: Option<FileStamp>,
    /// The folder of the copy, if a copy is read.
    pub copy: Option<TempDir>,
    /// Notes for the user about how the database was opened.
    pub opening_notes: Vec<String>,
}

impl StoreReader {
    /// Reads the database, or a copy of it in its current version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let reader =
            |unchanged, connection| Self { connection, unchanged, copy: None, opening_notes: Vec::new() };
        match shared(path) {
            Err(StoreError::ReadOnly { .. } | StoreError::Full { .. }) => {
                // Taken before opening, so that every later write is noticed.
                let stamp = stamp(path);
                let has_journal =
                    JOURNAL_SUFFIXES.into_iter().any(|suffix| has_content(&sidecar_path(path, suffix)));
                match has_journal {
                    false => immutable(path).map(|connection| reader(Some(stamp), connection)),
                    true => Self::copied(path),
                }
            }
            opened => opened.map(|connection| reader(None, connection)),
        }
    }

    /// Reads a migrated copy of an older database.
    pub fn migrated(path: &Path) -> Result<Self, StoreError> {
        let mut reader = Self::copied(path)?;
        let old = version(&reader.connection, path)?;
        migrate(&mut reader.connection).map_err(|source| StoreError::sqlite(path, source))?;
        reader.opening_notes = vec![format!(
            "{}: schema version {old} cannot be migrated to version {VERSION} in place; \
             reading a migrated temporary copy",
            path.display()
        )];
        Ok(reader)
    }

    /// Reads a copy, into which SQLite merges the log or journal.
    fn copied(path: &Path) -> Result<Self, StoreError> {
        let not_copied = |source: std::io::Error| StoreError::NotCopied {
            path: path.to_owned(),
            folder: std::env::temp_dir(),
            source,
        };
        let folder = tempfile::Builder::new().prefix("mtl-").tempdir().map_err(not_copied)?;
        let copy = folder.path().join("mtl.db");
        // Another process, which can write, may do so meanwhile; then the parts of the copy do not match.
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            let before = stamps(path);
            for suffix in JOURNAL_SUFFIXES.iter().chain([&""]) {
                let (from, to) = (sidecar_path(path, suffix), sidecar_path(&copy, suffix));
                let _ = std::fs::remove_file(&to);
                if has_content(&from) {
                    std::fs::copy(&from, &to).map_err(not_copied)?;
                    make_writable(&to).map_err(not_copied)?;
                }
            }
            if stamps(path) == before {
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let connection = connect(&copy, flags)?;
                return Ok(Self {
                    connection,
                    unchanged: None,
                    copy: Some(folder),
                    opening_notes: Vec::new(),
                });
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(StoreError::Busy { path: path.to_owned(), seconds: PATIENCE.as_secs() })
    }
}

/// Opens the database shared with other processes, which may write.
pub(crate) fn shared(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // Only a query shows whether the database can be read.
    connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
        .map_err(|source| StoreError::sqlite(path, source))?;
    Ok(connection)
}

/// Opens the database as an immutable file: without locks, ignoring any log.
fn immutable(path: &Path) -> Result<Connection, StoreError> {
    let failed = |source| StoreError::sqlite(path, source);
    let absolute =
        std::path::absolute(path).map_err(|source| StoreError::File { path: path.to_owned(), source })?;
    let is_unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte);
    let percent_encode = |byte: &u8| match is_unreserved(byte) {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    let encoded: String = absolute.as_os_str().as_encoded_bytes().iter().map(percent_encode).collect();
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection =
        Connection::open_with_flags(format!("file:{encoded}?immutable=1"), flags).map_err(failed)?;
    configure(&connection).map_err(failed)?;
    Ok(connection)
}

/// The current stamp of a file, to detect changes.
pub(crate) fn stamp(path: &Path) -> FileStamp {
    std::fs::metadata(path).ok().map(|data| (data.len(), data.modified().ok()))
}

/// The stamps of a database, its log and its journal.
fn stamps(path: &Path) -> Vec<FileStamp> {
    [""].iter().chain(&JOURNAL_SUFFIXES).map(|suffix| stamp(&sidecar_path(path, suffix))).collect()
}

fn make_writable(path: &Path) -> std::io::Result<()> {
    let mut permissions = std::fs::metadata(path)?.permissions();
    #[cfg(unix)]
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    #[cfg(not(unix))]
    permissions.set_readonly(false);
    std::fs::set_permissions(path, permissions)
}
