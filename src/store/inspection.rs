//! Checks, without writing, that a file is a complete results database of a supported version.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::store::error::StoreError;
use crate::store::migration::{APPLICATION, VERSION};

/// Checks SQLite's 100-byte header: magic bytes, page size and page count.
pub(crate) fn check_header(path: &Path) -> Result<(), StoreError> {
    let file_error = |source| StoreError::File { path: path.to_owned(), source };
    let foreign = |reason| Err(StoreError::NotADatabase { path: path.to_owned(), reason });
    let mut header = Vec::with_capacity(100);
    let mut file = File::open(path).map_err(file_error)?;
    file.by_ref().take(100).read_to_end(&mut header).map_err(file_error)?;
    let magic = b"SQLite format 3\0";
    if header.is_empty() {
        return foreign("the file is empty; move it away to start with an empty database");
    }
    if !header.starts_with(&magic[..header.len().min(magic.len())]) {
        return foreign("the file is not an SQLite database");
    }
    let length = file.metadata().map(|data| data.len()).map_err(file_error)?;
    let truncated = |expected| Err(StoreError::Truncated { path: path.to_owned(), found: length, expected });
    if header.len() < 100 {
        return truncated(4096);
    }
    let big_endian =
        |at: usize| header[at..at + 4].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let page_size = match u64::from(header[16]) << 8 | u64::from(header[17]) {
        1 => 65_536,
        size => size,
    };
    let expected = page_size * big_endian(28);
    // With a write-ahead log the file may lag behind; SQLite itself recovers it.
    if length < expected && !has_content(&sidecar_path(path, "-wal")) {
        return truncated(expected);
    }
    Ok(())
}

/// Whether the file exists. Fails if its folder cannot be accessed.
pub(crate) fn exists(path: &Path) -> Result<bool, StoreError> {
    path.try_exists().map_err(|source| StoreError::File { path: path.to_owned(), source })
}

/// The path of a file that SQLite keeps beside a database, such as its `-wal`.
pub(crate) fn sidecar_path(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

pub(crate) fn has_content(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|data| data.len() > 0)
}

/// The schema version of the database.
///
/// # Errors
/// [`StoreError::NotADatabase`] if another program made it, [`StoreError::Newer`] for a later version.
pub(crate) fn version(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let value = |name: &str| {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(|source| StoreError::sqlite(path, source))
    };
    let (application, version): (i64, i64) = (value("application_id")?, value("user_version")?);
    if application != APPLICATION {
        return Err(StoreError::NotADatabase {
            path: path.to_owned(),
            reason: "this SQLite database was not created by mtl",
        });
    }
    if version > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found: version, known: VERSION });
    }
    Ok(version)
}
