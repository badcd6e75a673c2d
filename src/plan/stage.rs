//! The artifacts that stages exchange, and their versions.

use serde::{Deserialize, Serialize};

pub use crate::domain::stage::{Stage, Work};

/// The version of a stage's artifact: it increases when its format or meaning changes, so that older
/// artifacts are rebuilt.
pub(crate) fn format(work: &Work) -> u32 {
    match work {
        // 2: the signature says how rows are read; numbers are centered and scaled in 64 bits; classes that
        // do not occur in training are kept and scored; undefined scores are reported.
        Work::Fit | Work::Train | Work::Evaluate | Work::Baseline(_) => 2,
        Work::Load(_) | Work::Split(_) => 1,
        // 2: the card contains hashes of all files, and the predictions of the sample rows.
        Work::Export | Work::Verify => 2,
        Work::Features | Work::Gain => 1,
    }
}

/// What a stage produces for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// The rows of a table.
    Table,
    /// The rows of each split.
    Rows,
    /// The encoded tables and the signature.
    Dataset,
    /// The outputs of frozen layers.
    Features,
    /// The trained weights.
    Weights,
    /// The exported model.
    Model,
    /// The values of all metrics.
    Scores,
}

impl ArtifactKind {
    /// The name, as in plans.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Rows => "rows",
            Self::Dataset => "dataset",
            Self::Features => "features",
            Self::Weights => "weights",
            Self::Model => "model",
            Self::Scores => "scores",
        }
    }
}
