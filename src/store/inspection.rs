//! Is a file a results database of ours, whole, and of a version that is known? Told without writing a byte.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::store::error::StoreError;
use crate::store::migration::{APPLICATION, VERSION};

/// SQLite's 100-byte header: the magic words, the page size and count, and whose file it is.
pub(crate) fn check_header(path: &Path) -> Result<(), StoreError> {
    let file_error = |source| StoreError::File { path: path.to_owned(), source };
    let foreign = |reason| Err(StoreError::NotADatabase { path: path.to_owned(), reason });
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
    let result = || file.metadata().map(|data| data.len()).map_err(file_error);
    if header.len() < 100 {
        return Err(StoreError::CutShort { path: path.to_owned(), found: result()?, expected: 4096 });
    }
    let big_endian =
        |at: usize| header[at..at + 4].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let page = match u64::from(header[16]) << 8 | u64::from(header[17]) {
        1 => 65_536,
        size => size,
    };
    let expected = page * big_endian(28);
    // With a write-ahead log the file may lag behind; SQLite itself puts that right.
    if result()? < expected && !has_content(&sidecar_path(path, "-wal")) {
        return Err(StoreError::CutShort { path: path.to_owned(), found: result()?, expected });
    }
    Ok(())
}

/// Is there such a file? A folder that may not be looked into is no answer.
pub(crate) fn exists(path: &Path) -> Result<bool, StoreError> {
    path.try_exists().map_err(|source| StoreError::File { path: path.to_owned(), source })
}

/// The file that SQLite keeps beside a database, such as its `-wal`.
pub(crate) fn sidecar_path(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

pub(crate) fn has_content(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|data| data.len() > 0)
}

/// The version of a database that is ours; a newer one is refused.
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
            reason: "it is an SQLite database, but not one that mtl made",
        });
    }
    if version > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found: version, known: VERSION });
    }
    Ok(version)
}
