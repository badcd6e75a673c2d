//! Reading a database where nothing may be written: a read-only folder, another user's, a full disk.
//!
//! SQLite wants to write even to read: beside a database with a write-ahead log it keeps an index of the log
//! (`-shm`), and what a process that died has left in the log, or in a rollback journal, has to be brought
//! in. So, in this order: as always, shared with other processes; where that fails and nothing is left over,
//! as a file that does not change; else a copy in a temporary folder, in which SQLite may do what it needs.
//! The file alone, without what is left over, is never read: it may be half of two states.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::store::connection::{connect, settle};
use crate::store::error::{PATIENCE, StoreError};
use crate::store::inspection::{has_content, sidecar_path, version};
use crate::store::migration::{VERSION, migrate};

/// What SQLite leaves over when its process dies.
const LEFT_OVER: [&str; 2] = ["-wal", "-journal"];

/// Size and time of a file; `None`: there is none.
pub(crate) type FileStamp = Option<(u64, Option<SystemTime>)>;

/// A connection that is there to read.
pub(crate) struct StoreReader {
    pub connection: Connection,
    /// What the file was when it was opened as one that does not change.
    pub unchanged: Option<FileStamp>,
    /// Where the copy lies that it reads, if it reads one.
    pub copy: Option<TempDir>,
    /// What a person should know of it.
    pub opening_notes: Vec<String>,
}

impl StoreReader {
    /// A reader of the database as it is.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let of =
            |still, connection| Self { connection, unchanged: still, copy: None, opening_notes: Vec::new() };
        match shared(path) {
            Err(StoreError::ReadOnly { .. } | StoreError::Full { .. }) => {
                // The stamp first: what is written from now on is seen.
                let stamp = stamp(path);
                let left_over = LEFT_OVER.into_iter().any(|ending| has_content(&sidecar_path(path, ending)));
                match left_over {
                    false => still(path).map(|connection| of(Some(stamp), connection)),
                    true => Self::copied(path),
                }
            }
            opened => opened.map(|connection| of(None, connection)),
        }
    }

    /// A reader of a copy of an older database, brought up to date.
    pub fn migrated(path: &Path) -> Result<Self, StoreError> {
        let mut reader = Self::copied(path)?;
        let old = version(&reader.connection, path)?;
        migrate(&mut reader.connection).map_err(|source| StoreError::sqlite(path, source))?;
        reader.opening_notes = vec![format!(
            "{}: has version {old} and cannot be brought up to version {VERSION} where it is; a temporary copy of it was, and is read",
            path.display()
        )];
        Ok(reader)
    }

    /// A reader of a copy, in which SQLite has brought in what was left over.
    fn copied(path: &Path) -> Result<Self, StoreError> {
        let not_copied = |source: std::io::Error| StoreError::NotCopied {
            path: path.to_owned(),
            folder: std::env::temp_dir(),
            source,
        };
        let folder = tempfile::Builder::new().prefix("mtl-").tempdir().map_err(not_copied)?;
        let copy = folder.path().join("mtl.db");
        // Another process may be writing, seen from where it can: then the parts of the copy do not fit
        // together.
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            let before = stamps(path);
            for ending in LEFT_OVER.iter().chain([&""]) {
                let (from, to) = (sidecar_path(path, ending), sidecar_path(&copy, ending));
                let _ = std::fs::remove_file(&to);
                if has_content(&from) {
                    std::fs::copy(&from, &to).map_err(not_copied)?;
                    allow_writing(&to).map_err(not_copied)?;
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

/// Shared with other processes, which may write.
pub(crate) fn shared(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // Only what is read shows whether anything can be.
    let ask = "SELECT count(*) FROM sqlite_schema";
    connection
        .query_row(ask, [], |row| row.get::<_, i64>(0))
        .map_err(|source| StoreError::sqlite(path, source))?;
    Ok(connection)
}

/// A file that does not change: without locks, and without a look at a log.
fn still(path: &Path) -> Result<Connection, StoreError> {
    let failed = |source| StoreError::sqlite(path, source);
    let whole =
        std::path::absolute(path).map_err(|source| StoreError::File { path: path.to_owned(), source })?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte);
    let letter = |byte: &u8| match plain(byte) {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    let address: String = whole.as_os_str().as_encoded_bytes().iter().map(letter).collect();
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection =
        Connection::open_with_flags(format!("file:{address}?immutable=1"), flags).map_err(failed)?;
    settle(&connection).map_err(failed)?;
    Ok(connection)
}

/// What a file is now, so that a change is seen.
pub(crate) fn stamp(path: &Path) -> FileStamp {
    std::fs::metadata(path).ok().map(|data| (data.len(), data.modified().ok()))
}

/// Of a database and what lies beside it.
fn stamps(path: &Path) -> Vec<FileStamp> {
    [""].iter().chain(&LEFT_OVER).map(|ending| stamp(&sidecar_path(path, ending))).collect()
}

/// A copy of a file that could not be written can be.
fn allow_writing(path: &Path) -> std::io::Result<()> {
    let mut permissions = std::fs::metadata(path)?.permissions();
    #[cfg(unix)]
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    #[cfg(not(unix))]
    permissions.set_readonly(false);
    std::fs::set_permissions(path, permissions)
}
