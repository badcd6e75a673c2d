//! Opens `mtl.db`: created atomically, checked before it is changed, shared by several processes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::domain::layout::Layout;
use crate::store::connection::connect;
use crate::store::error::{PATIENCE, StoreError};
use crate::store::inspection::{check_header, exists, version};
use crate::store::migration::{VERSION, migrate};
use crate::store::reading::{self, FileStamp, StoreReader};

/// Prefix of the file name of a database that is being created; a killed process may leave such a file.
pub const TEMPORARY_PREFIX: &str = ".mtl-";

/// The open results database, `mtl.db`.
pub struct ResultsDatabase {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    opening_notes: Vec<String>,
    is_read_only: bool,
    /// The file's stamp when it was opened as an immutable file.
    unchanged: Option<FileStamp>,
    /// The folder of the copy, if a copy is read. Dropped after the connection.
    _copy: Option<TempDir>,
}

impl ResultsDatabase {
    /// Opens the database for reading and writing; creates a missing one and migrates an older one.
    ///
    /// # Errors
    /// [`StoreError::Newer`] for a database of a later `mtl`, which stays unchanged;
    /// [`StoreError::ReadOnly`] where the file cannot be written; errors of the file system and of SQLite.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if !exists(path)? {
            create(path)?;
        }
        check_header(path)?;
        version(&reading::shared(path)?, path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = connect(path, flags)?;
        let failed = |source| StoreError::sqlite(path, source);
        // SQLite silently opens a file without write permission for reading.
        if connection.is_readonly(rusqlite::MAIN_DB).map_err(failed)? {
            return Err(StoreError::ReadOnly { path: path.to_owned() });
        }
        enable_write_ahead_log(&connection).map_err(failed)?;
        if version(&connection, path)? < VERSION {
            migrate(&mut connection).map_err(failed)?;
        }
        let path = path.to_owned();
        let opening_notes = Vec::new();
        Ok(Self { connection, path, opening_notes, is_read_only: false, unchanged: None, _copy: None })
    }

    /// Opens an existing database for reading, even where nothing can be written. An older database is
    /// migrated in place, or a temporary copy of it is, so that all views exist.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without a database; otherwise as [`open`](Self::open).
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        if !exists(path)? {
            return Err(StoreError::Missing { path: path.to_owned() });
        }
        check_header(path)?;
        let mut reader = StoreReader::open(path)?;
        if version(&reader.connection, path)? < VERSION {
            drop(reader);
            reader = match Self::open(path) {
                Ok(_) => StoreReader::open(path)?,
                Err(error) if error.is_write_failure() => StoreReader::migrated(path)?,
                Err(error) => return Err(error),
            };
        }
        let StoreReader { connection, unchanged, copy, opening_notes } = reader;
        connection
            .pragma_update(None, "query_only", true)
            .map_err(|source| StoreError::sqlite(path, source))?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            opening_notes,
            is_read_only: true,
            unchanged,
            _copy: copy,
        })
    }

    /// Path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes for the user about how the database was opened.
    pub fn opening_notes(&self) -> &[String] {
        &self.opening_notes
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// Fails if a file opened as immutable has changed since: what was read from it is then meaningless.
    pub(crate) fn check_unchanged(&self) -> Result<(), StoreError> {
        match &self.unchanged {
            Some(stamp) if *stamp != reading::stamp(&self.path) => {
                Err(StoreError::Changed { path: self.path.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The layout of the runs folder that contains the database.
    pub fn layout(&self) -> Layout {
        Layout::new(self.path.parent().unwrap_or_else(|| Path::new("")))
    }

    pub(crate) fn failed(&self, source: rusqlite::Error) -> StoreError {
        StoreError::sqlite(&self.path, source)
    }
}

/// Creates an empty database under a temporary name and renames it, so that no other process sees an
/// incomplete file. If another process was faster, its database stays.
fn create(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file_error = |source| StoreError::File { path: path.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(file_error)?;
    let fresh = tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .suffix(".db")
        .tempfile_in(folder)
        .map_err(file_error)?
        .into_temp_path();
    let failed = |source| StoreError::sqlite(path, source);
    let mut connection = Connection::open(&fresh).map_err(failed)?;
    migrate(&mut connection).map_err(failed)?;
    // Enabled last and closed at once: nothing may remain in a write-ahead log of the temporary name.
    let _: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(failed)?;
    connection.close().map_err(|(_, source)| failed(source))?;
    readable_by_others(&fresh);
    match fresh.persist_noclobber(path) {
        Ok(()) => Ok(()),
        Err(_) if path.exists() => Ok(()),
        Err(error) => Err(file_error(error.error)),
    }
}

/// Temporary files are private by default; the database is as readable as any other file.
#[cfg(unix)]
fn readable_by_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    // If this fails, the database still works for its owner.
    let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644));
}

#[cfg(not(unix))]
fn readable_by_others(_: &Path) {}

/// Switches to a write-ahead log: readers and a writer do not block each other. SQLite's busy timeout does
/// not cover two processes that switch at the same time, so this retries.
fn enable_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    let begin = Instant::now();
    loop {
        let switched = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match switched {
            Ok(_) => return Ok(()), // a file system without support for it keeps the old mode
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
                    && begin.elapsed() < PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => return Err(error),
        }
    }
}
