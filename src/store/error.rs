//! What can go wrong with the results database.

use std::path::PathBuf;
use std::time::Duration;

/// How long to wait for another process that is writing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Why the results database could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A later `mtl` wrote it; nothing was changed.
    #[error(
        "{}: this database has version {found}, this mtl understands versions up to {known}; \
         update mtl (the file was not changed)", path.display()
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("{}: not a results database: {reason}", path.display())]
    NotADatabase { path: PathBuf, reason: &'static str },
    #[error(
        "{}: the database is cut short: it has {found} bytes and should have {expected}; \
         restore it from a copy, or move it away to begin anew", path.display()
    )]
    CutShort { path: PathBuf, found: u64, expected: u64 },
    #[error(
        "{}: the database is damaged ({source}); restore it from a copy, or move it away to begin anew",
        path.display()
    )]
    Damaged { path: PathBuf, source: rusqlite::Error },
    #[error("{}: no runs yet; `mtl run FILE` makes the first", path.display())]
    Absent { path: PathBuf },
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{}: the disk is full", path.display())]
    Full { path: PathBuf },
    #[error("{}: another process kept the database locked for {seconds} s", path.display())]
    Busy { path: PathBuf, seconds: u64 },
    #[error(
        "{}: nothing can be written there; what only reads, such as `mtl runs` and `mtl show`, works, \
         all else needs another folder: --runs DIR", path.display()
    )]
    ReadOnly { path: PathBuf },
    #[error("{}: another process wrote to the database while it was read; ask again", path.display())]
    Changed { path: PathBuf },
    /// It can be read only where its log can be brought in, or where it can be brought up to date.
    #[error(
        "{}: it has to be copied before it can be read, since nothing can be written where it is; the copy could not \
         be written in {} ({source}): set TMPDIR to a folder with room", path.display(), folder.display()
    )]
    NotCopied { path: PathBuf, folder: PathBuf, source: std::io::Error },
    /// Whoever takes the answer cannot.
    #[error("the answer cannot be written: {0}")]
    Answer(std::io::Error),
    #[error("{}: {source}", path.display())]
    Sqlite { path: PathBuf, source: rusqlite::Error },
    #[error("there are no runs yet; `mtl run FILE` makes the first")]
    NoRuns,
    #[error("no run is called `{found}`{}", nearest.as_ref().map_or_else(
        || "; `mtl runs` lists them".to_owned(), |name| format!("; did you mean `{name}`?")))]
    UnknownRun { found: String, nearest: Option<String> },
    #[error("`{found}` may be any of {}", runs.join(", "))]
    AmbiguousRun { found: String, runs: Vec<String> },
    #[error("a query only reads: {what} is refused")]
    Refused { what: String },
    #[error("one query at a time: there is a second statement after the `;`")]
    SeveralStatements,
    #[error("an empty query")]
    EmptyQuery,
    /// SQLite's own words.
    #[error("{message}{}", place.map_or_else(String::new, |offset| format!(" (at character {})", offset + 1)))]
    Query { message: String, place: Option<usize> },
}

impl StoreError {
    /// What SQLite said, about the file at `path`.
    pub(crate) fn sqlite(path: &std::path::Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Busy { path, seconds: PATIENCE.as_secs() }
            }
            // What lies beside a database cannot be opened where it cannot be made.
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::ReadOnly { path }
            }
            // No room for the index of the write-ahead log.
            Some(ErrorCode::SystemIoFailure) if has_no_room(&source) => Self::Full { path },
            Some(ErrorCode::NotADatabase) => {
                Self::NotADatabase { path, reason: "SQLite does not recognise it" }
            }
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, source },
            _ => Self::Sqlite { path, source },
        }
    }

    /// Is it only that nothing can be written, so that reading may still do?
    pub fn lacks_writing(&self) -> bool {
        use std::io::ErrorKind;
        match self {
            Self::ReadOnly { .. } | Self::Full { .. } | Self::Busy { .. } => true,
            Self::File { source, .. } => matches!(
                source.kind(),
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::StorageFull
            ),
            _ => false,
        }
    }
}

fn has_no_room(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|result| result.extended_code);
    matches!(code, Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE | rusqlite::ffi::SQLITE_IOERR_WRITE))
}
