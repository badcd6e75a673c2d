//! Errors of the results database.

use std::path::PathBuf;
use std::time::Duration;

/// How long to wait for another process that is writing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Why the results database could not be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant describes it")]
pub enum StoreError {
    /// A later `mtl` wrote the file; it was not changed.
    #[error(
        "{}: the database has schema version {found}, this mtl supports versions up to {known}; \
         update mtl (the file was not changed)", path.display()
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("{}: not a results database: {reason}", path.display())]
    NotADatabase { path: PathBuf, reason: &'static str },
    #[error(
        "{}: the database is truncated: it has {found} bytes, expected {expected}; \
         restore a backup, or move the file away to start with an empty database", path.display()
    )]
    Truncated { path: PathBuf, found: u64, expected: u64 },
    #[error(
        "{}: the database is corrupt ({source}); restore a backup, or move the file away to start with \
         an empty database", path.display()
    )]
    Corrupt { path: PathBuf, source: rusqlite::Error },
    #[error("{}: no runs yet; start one with `mtl run FILE`", path.display())]
    Missing { path: PathBuf },
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{}: the disk is full", path.display())]
    Full { path: PathBuf },
    #[error("{}: another process kept the database locked for {seconds} s; try again", path.display())]
    Busy { path: PathBuf, seconds: u64 },
    #[error(
        "{}: read-only; `mtl runs`, `mtl show` and other reading commands work, all others need a writable \
         folder: --runs DIR", path.display()
    )]
    ReadOnly { path: PathBuf },
    #[error("{}: the database changed while it was read; try again", path.display())]
    Changed { path: PathBuf },
    /// A read-only database whose log must be merged, or whose schema must be migrated, before it can be
    /// read.
    #[error(
        "{}: read-only, so it has to be copied before it can be read; the copy could not be written to {} \
         ({source}): set TMPDIR to a folder with enough space", path.display(), folder.display()
    )]
    NotCopied { path: PathBuf, folder: PathBuf, source: std::io::Error },
    /// The sink of a query's rows failed.
    #[error("cannot write the query result: {0}")]
    Output(std::io::Error),
    #[error("{}: {source}", path.display())]
    Sqlite { path: PathBuf, source: rusqlite::Error },
    #[error("no runs yet; start one with `mtl run FILE`")]
    NoRuns,
    #[error("unknown run `{found}`{}", nearest.as_ref().map_or_else(
        || "; `mtl runs` lists them".to_owned(), |name| format!("; did you mean `{name}`?")))]
    UnknownRun { found: String, nearest: Option<String> },
    #[error("run `{found}` is ambiguous: {}", runs.join(", "))]
    AmbiguousRun { found: String, runs: Vec<String> },
    #[error("queries are read-only: {what} is not allowed")]
    Refused { what: String },
    #[error("expected one statement; found a second after `;`")]
    SeveralStatements,
    #[error("the query is empty")]
    EmptyQuery,
    /// SQLite's own message.
    #[error("{message}{}", place.map_or_else(
        String::new, |offset| format!(" (at character {})", offset + 1)))]
    Query { message: String, place: Option<usize> },
}

impl StoreError {
    /// Classifies SQLite's error about the file at `path`.
    pub(crate) fn sqlite(path: &std::path::Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Busy { path, seconds: PATIENCE.as_secs() }
            }
            // The files beside a database cannot be opened where they cannot be created.
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::ReadOnly { path }
            }
            // No space for the index of the write-ahead log.
            Some(ErrorCode::SystemIoFailure) if is_out_of_space(&source) => Self::Full { path },
            Some(ErrorCode::NotADatabase) => {
                Self::NotADatabase { path, reason: "SQLite does not recognize the file" }
            }
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt { path, source },
            _ => Self::Sqlite { path, source },
        }
    }

    /// Whether only writing failed, so that reading may still work.
    pub fn is_write_failure(&self) -> bool {
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

fn is_out_of_space(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE | rusqlite::ffi::SQLITE_IOERR_WRITE))
}
