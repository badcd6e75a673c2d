//! The state of a run, as events report it and the database stores it.

use serde::{Deserialize, Serialize};

/// State of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Its process is alive.
    Running,
    /// All stages finished.
    Finished,
    /// A stage failed.
    Failed,
    /// Stopped by a signal, or its process is dead.
    Interrupted,
}

impl RunState {
    /// The name, as in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}
