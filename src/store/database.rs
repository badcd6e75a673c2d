//! Opening `mtl.db`: made whole or not at all, checked before it is touched, shared by several processes.

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

/// How the name of a database that is being made begins: a kill may leave it.
pub const MAKING: &str = ".mtl-";

/// An open results database.
pub struct ResultsDatabase {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    /// What a person should know of how it was opened.
    notes: Vec<String>,
    reads_only: bool,
    /// What the file was, where it is read as one that does not change.
    unchanged: Option<FileStamp>,
    /// Where its copy lies, if a copy is read; goes with the store, after the connection.
    _copy: Option<TempDir>,
}

impl ResultsDatabase {
    /// Opens the database for reading and writing; makes it when there is none, and brings an older
    /// one up to date. A newer one is refused untouched.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if !exists(path)? {
            create(path)?;
        }
        check_header(path)?;
        version(&reading::shared(path)?, path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = connect(path, flags)?;
        let failed = |source| StoreError::sqlite(path, source);
        // Where a file may not be written, SQLite opens it for reading without a word.
        if connection.is_readonly(rusqlite::MAIN_DB).map_err(failed)? {
            return Err(StoreError::ReadOnly { path: path.to_owned() });
        }
        log_ahead(&connection).map_err(failed)?;
        if version(&connection, path)? < VERSION {
            migrate(&mut connection).map_err(failed)?;
        }
        let path = path.to_owned();
        Ok(Self { connection, path, notes: Vec::new(), reads_only: false, unchanged: None, _copy: None })
    }

    /// Opens an existing database for reading, also where nothing can be written. Of an older one every view
    /// must be there to be read: it is brought up to date, or a copy of it is.
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        if !exists(path)? {
            return Err(StoreError::Absent { path: path.to_owned() });
        }
        check_header(path)?;
        let mut reader = StoreReader::open(path)?;
        if version(&reader.connection, path)? < VERSION {
            drop(reader);
            reader = match Self::open(path) {
                Ok(_) => StoreReader::open(path)?,
                Err(error) if error.lacks_writing() => StoreReader::migrated(path)?,
                Err(error) => return Err(error),
            };
        }
        let StoreReader { connection, unchanged: still, copy, opening_notes: message } = reader;
        connection
            .pragma_update(None, "query_only", true)
            .map_err(|source| StoreError::sqlite(path, source))?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            notes: message,
            reads_only: true,
            unchanged: still,
            _copy: copy,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What a person should know of how it was opened.
    pub fn opening_notes(&self) -> &[String] {
        &self.notes
    }

    /// Was it opened for reading alone?
    pub(crate) fn reads_only(&self) -> bool {
        self.reads_only
    }

    /// What was read of a file that should not change counts only if it has not changed.
    pub(crate) fn check_unchanged(&self) -> Result<(), StoreError> {
        match &self.unchanged {
            Some(stamp) if *stamp != reading::stamp(&self.path) => {
                Err(StoreError::Changed { path: self.path.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The runs folder the database lies in.
    pub fn layout(&self) -> Layout {
        Layout::new(self.path.parent().unwrap_or_else(|| Path::new("")))
    }

    pub(crate) fn failed(&self, source: rusqlite::Error) -> StoreError {
        StoreError::sqlite(&self.path, source)
    }
}

/// Makes an empty database beside its place and then moves it there, so that no other process ever
/// sees half of one. When another process was faster, its database stays.
fn create(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file_error = |source| StoreError::File { path: path.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(file_error)?;
    let fresh = tempfile::Builder::new()
        .prefix(MAKING)
        .suffix(".db")
        .tempfile_in(folder)
        .map_err(file_error)?
        .into_temp_path();
    let failed = |source| StoreError::sqlite(path, source);
    let mut connection = Connection::open(&fresh).map_err(failed)?;
    migrate(&mut connection).map_err(failed)?;
    // Last, and closed at once: nothing may stay behind in a write-ahead log of the temporary name.
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

/// Temporary files are private by habit; the database is as readable as any other file.
#[cfg(unix)]
fn readable_by_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    // Without it the database still works for its owner.
    let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644));
}

#[cfg(not(unix))]
fn readable_by_others(_: &Path) {}

/// Readers never wait for a writer, nor a writer for readers. SQLite does not wait by itself when
/// two processes switch at once.
fn log_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let begin = Instant::now();
    loop {
        let switched = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match switched {
            Ok(_) => return Ok(()), // where the file system cannot do it, the old mode stays
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
