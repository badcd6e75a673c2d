//! Exit codes: documented in README, so that scripts may rely on them.

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitStatus {
    /// Everything asked for was done.
    Done = 0,
    /// A stage, or the work itself, failed.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The pipeline has diagnostics.
    Diagnostics = 3,
    /// The exported model differs from the trained one beyond tolerance.
    Parity = 4,
    /// The database was written by a newer `mtl`.
    NewerDatabase = 5,
    /// Stopped by Ctrl-C or SIGTERM; `mtl resume` goes on.
    Interrupted = 130,
}

impl From<ExitStatus> for std::process::ExitCode {
    fn from(exit: ExitStatus) -> Self {
        Self::from(exit as u8)
    }
}
