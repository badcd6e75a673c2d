//! What flows between the stages of a plan's graph, and the version of what each makes.

use serde::{Deserialize, Serialize};

pub use crate::domain::stage::{Stage, Work};

/// Counts up when the artifact of such a stage changes its form or its meaning: older ones are made anew.
pub(crate) fn format(work: &Work) -> u32 {
    match work {
        // 2: the signature tells how rows are read; numbers are centered and scaled in 64 bits; classes that
        // training never saw are kept and scored; undefined scores are told.
        Work::Fit | Work::Train | Work::Evaluate | Work::Baseline(_) => 2,
        Work::Load(_) | Work::Split(_) => 1,
        // 2: the card holds hashes of all files, and the answers to the sample rows.
        Work::Export | Work::Verify => 2,
        Work::Gain => 1,
    }
}

/// What a stage gives and another needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// The rows of a table.
    Table,
    /// Which rows learn, choose and test.
    Rows,
    /// The encoded tables and the signature.
    Dataset,
    /// The trained weights.
    Weights,
    /// The written model.
    Model,
    /// What every metric says.
    Scores,
}

impl ArtifactKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Rows => "rows",
            Self::Dataset => "dataset",
            Self::Weights => "weights",
            Self::Model => "model",
            Self::Scores => "scores",
        }
    }
}
