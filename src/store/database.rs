//! Opening `mtl.db`: made whole or not at all, checked before it is touched, shared by several processes.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::domain::layout::Layout;
use crate::store::error::Error;
use crate::store::migration::{APPLICATION, VERSION, migrate};

/// How long to wait for another process that is writing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How the name of a database that is being made begins: a kill may leave it.
pub const MAKING: &str = ".mtl-";

/// An open results database.
pub struct Store {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
}

impl Store {
    /// Opens the database for reading and writing; makes it when there is none, and brings an older
    /// one up to date. A newer one is refused untouched.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if !path.exists() {
            create(path)?;
        }
        check(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = connect(path, flags)?;
        let failed = |source| Error::sqlite(path, source);
        let version: i64 =
            connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
        if version < VERSION {
            migrate(&mut connection).map_err(failed)?;
        }
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Opens an existing database for reading only.
    pub fn open_read_only(path: &Path) -> Result<Self, Error> {
        if !path.exists() {
            return Err(Error::Absent { path: path.to_owned() });
        }
        check(path)?;
        let version = version(&connect_read_only(path)?, path)?;
        if version < VERSION {
            // An older file is brought up to date, so that every view is there to be read.
            drop(Self::open(path)?);
        }
        let connection = connect_read_only(path)?;
        connection.pragma_update(None, "query_only", true).map_err(|source| Error::sqlite(path, source))?;
        Ok(Self { connection, path: path.to_owned() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The runs folder the database lies in.
    pub fn layout(&self) -> Layout {
        Layout::new(self.path.parent().unwrap_or_else(|| Path::new("")))
    }

    pub(crate) fn failed(&self, source: rusqlite::Error) -> Error {
        Error::sqlite(&self.path, source)
    }
}

/// Makes an empty database beside its place and then moves it there, so that no other process ever
/// sees half of one. When another process was faster, its database stays.
fn create(path: &Path) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file_error = |source| Error::File { path: path.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(file_error)?;
    let fresh = tempfile::Builder::new()
        .prefix(MAKING)
        .suffix(".db")
        .tempfile_in(folder)
        .map_err(file_error)?
        .into_temp_path();
    let failed = |source| Error::sqlite(path, source);
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

/// Refuses what is not ours, cut short, or newer, without writing a byte.
fn check(path: &Path) -> Result<(), Error> {
    check_header(path)?;
    let found = version(&connect_read_only(path)?, path)?;
    if found > VERSION {
        return Err(Error::Newer { path: path.to_owned(), found, known: VERSION });
    }
    Ok(())
}

/// SQLite's 100-byte header: the magic words, the page size and count, and whose file it is.
fn check_header(path: &Path) -> Result<(), Error> {
    let file_error = |source| Error::File { path: path.to_owned(), source };
    let foreign = |reason| Err(Error::NotADatabase { path: path.to_owned(), reason });
    let mut header = Vec::with_capacity(100);
    let mut file = File::open(path).map_err(file_error)?;
    file.by_ref().take(100).read_to_end(&mut header).map_err(file_error)?;
    let magic = b"SQLite format 3\0";
    if header.is_empty() {
        return foreign("the file is empty; move it away to begin anew");
    }
    if !header.starts_with(&magic[..header.len().min(magic.len())]) {
        return foreign("the file is not an SQLite database");
    }
    let found = || file.metadata().map(|data| data.len()).map_err(file_error);
    if header.len() < 100 {
        return Err(Error::CutShort { path: path.to_owned(), found: found()?, expected: 4096 });
    }
    let big_endian =
        |at: usize| header[at..at + 4].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let page = match u64::from(header[16]) << 8 | u64::from(header[17]) {
        1 => 65_536,
        size => size,
    };
    let expected = page * big_endian(28);
    // With a write-ahead log the file may lag behind; SQLite itself puts that right.
    if found()? < expected && !logged(path) {
        return Err(Error::CutShort { path: path.to_owned(), found: found()?, expected });
    }
    Ok(())
}

fn logged(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).is_ok_and(|data| data.len() > 0)
}

fn version(connection: &Connection, path: &Path) -> Result<i64, Error> {
    let value = |name: &str| {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(|source| Error::sqlite(path, source))
    };
    let (application, version): (i64, i64) = (value("application_id")?, value("user_version")?);
    if application != APPLICATION {
        return Err(Error::NotADatabase {
            path: path.to_owned(),
            reason: "it is an SQLite database, but not one that mtl made",
        });
    }
    Ok(version)
}

fn connect_read_only(path: &Path) -> Result<Connection, Error> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    let failed = |source| Error::sqlite(path, source);
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(failed)?;
    // With a write-ahead log this survives any crash of the process; a power cut may cost the last second.
    connection.pragma_update(None, "synchronous", "NORMAL").map_err(failed)?;
    if flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
        log_ahead(&connection).map_err(failed)?;
    }
    Ok(connection)
}

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
