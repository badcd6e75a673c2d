//! The nodes of a plan's graph, and what flows between them.

use serde::{Deserialize, Serialize};

use crate::domain::name::{TableName, TaskName};

/// What a stage does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Reads a table's files.
    Load(TableName),
    /// Divides its rows.
    Split(TableName),
    /// Fits inputs and targets on training rows, and encodes every table.
    Fit,
    Train,
    /// Scores the best weights.
    Evaluate,
    /// Writes the model.
    Export,
    /// Compares the written model with the trained one.
    Verify,
    /// Trains and scores one task alone.
    Baseline(TaskName),
    /// Measures a trial's scores by the tasks trained alone.
    Gain,
}

impl Work {
    /// The kind of stage: the first part of its key and of its artifact's folder.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Load(_) => "load",
            Self::Split(_) => "split",
            Self::Fit => "fit",
            Self::Train => "train",
            Self::Evaluate => "evaluate",
            Self::Export => "export",
            Self::Verify => "verify",
            Self::Baseline(_) => "baseline",
            Self::Gain => "gain",
        }
    }

    /// The table it works on, when it is one table's.
    pub fn table(&self) -> Option<&TableName> {
        match self {
            Self::Load(table) | Self::Split(table) => Some(table),
            _ => None,
        }
    }

    /// Counts up when the stage's artifact changes its form or its meaning: older ones are made anew.
    pub(crate) fn format(&self) -> u32 {
        match self {
            // 2: the signature tells how rows are read; numbers are centered and scaled in 64 bits; classes that training
            // never saw are kept and scored; undefined scores are told.
            Self::Fit | Self::Train | Self::Evaluate | Self::Baseline(_) => 2,
            Self::Load(_) | Self::Split(_) => 1,
            // 2: the card holds hashes of all files, and the answers to the sample rows.
            Self::Export | Self::Verify => 2,
            Self::Gain => 1,
        }
    }

    /// Does it train a network?
    pub fn trains(&self) -> bool {
        matches!(self, Self::Train | Self::Baseline(_))
    }
}

/// A node of the plan's graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// `load:census`, `split:census`, `fit`, `train#1`, `evaluate#1`, `export#1`, `verify#1`, `baseline:income#1`, `gain#1`.
    pub key: String,
    pub work: Work,
    /// Counts from 1; `None` for what all trials share.
    pub trial: Option<u32>,
}

impl Stage {
    pub(crate) fn shared(work: Work) -> Self {
        let key = match work.table() {
            Some(table) => format!("{}:{table}", work.kind()),
            None => work.kind().to_owned(),
        };
        Self { key, work, trial: None }
    }

    pub(crate) fn of_trial(work: Work, trial: u32) -> Self {
        let key = match &work {
            Work::Baseline(task) => format!("{}:{task}#{trial}", work.kind()),
            _ => format!("{}#{trial}", work.kind()),
        };
        Self { key, work, trial: Some(trial) }
    }
}

/// What a stage gives and another needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Artifact {
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

impl Artifact {
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
