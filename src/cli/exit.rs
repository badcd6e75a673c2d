//! Exit codes, documented in the README for use in scripts.

/// The exit code of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitStatus {
    /// The command succeeded.
    Done = 0,
    /// A stage or the command failed.
    Failed = 1,
    /// The command line is invalid.
    Usage = 2,
    /// The pipeline has diagnostics.
    Diagnostics = 3,
    /// The exported model differs from the trained one by more than the tolerance.
    Parity = 4,
    /// The database was written by a newer `mtl`.
    NewerDatabase = 5,
    /// Stopped by Ctrl-C or SIGTERM; `mtl resume` continues.
    Interrupted = 130,
}

impl From<ExitStatus> for std::process::ExitCode {
    fn from(exit: ExitStatus) -> Self {
        Self::from(exit as u8)
    }
}
