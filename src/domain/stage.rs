//! The stages of a run: kind, table or task, trial, and the key that identifies a stage in databases, event
//! logs and on the screen.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::name::{TableName, TaskName};

/// The kind of a stage, without its table or task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StageKind {
    /// Reads a table.
    Load,
    /// Splits the rows of a table.
    Split,
    /// Fits inputs and targets on training rows, and encodes all rows.
    Fit,
    /// Computes the outputs of frozen layers.
    Features,
    /// Trains the network of a trial.
    Train,
    /// Scores the network of a trial.
    Evaluate,
    /// Writes the ONNX model.
    Export,
    /// Compares the ONNX model with the network.
    Verify,
    /// Trains one task alone.
    Baseline,
    /// Compares scores with those of the baselines.
    Gain,
}

impl StageKind {
    /// All kinds, in the order of a run.
    pub const ALL: [Self; 10] = [
        Self::Load,
        Self::Split,
        Self::Fit,
        Self::Features,
        Self::Train,
        Self::Evaluate,
        Self::Export,
        Self::Verify,
        Self::Baseline,
        Self::Gain,
    ];

    /// The first part of a stage's key and of its artifact's folder name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Split => "split",
            Self::Fit => "fit",
            Self::Features => "features",
            Self::Train => "train",
            Self::Evaluate => "evaluate",
            Self::Export => "export",
            Self::Verify => "verify",
            Self::Baseline => "baseline",
            Self::Gain => "gain",
        }
    }

    /// Parses a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The work of a stage, with its table or task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Work {
    /// Reads the files of a table.
    Load(TableName),
    /// Splits the rows of a table.
    Split(TableName),
    /// Fits inputs and targets on the training rows and encodes every table.
    Fit,
    /// Computes the outputs of frozen layers for every row, once for all trials that have these layers.
    Features,
    /// Trains the network of a trial.
    Train,
    /// Scores the best weights on the splits.
    Evaluate,
    /// Exports the model to ONNX.
    Export,
    /// Compares the exported model with the trained one.
    Verify,
    /// Trains and scores one task alone.
    Baseline(TaskName),
    /// Compares the scores of a trial with those of the baselines.
    Gain,
}

impl Work {
    /// The kind of the work.
    pub fn kind(&self) -> StageKind {
        match self {
            Self::Load(_) => StageKind::Load,
            Self::Split(_) => StageKind::Split,
            Self::Fit => StageKind::Fit,
            Self::Features => StageKind::Features,
            Self::Train => StageKind::Train,
            Self::Evaluate => StageKind::Evaluate,
            Self::Export => StageKind::Export,
            Self::Verify => StageKind::Verify,
            Self::Baseline(_) => StageKind::Baseline,
            Self::Gain => StageKind::Gain,
        }
    }

    /// The table, if the work concerns one table.
    pub fn table(&self) -> Option<&TableName> {
        match self {
            Self::Load(table) | Self::Split(table) => Some(table),
            Self::Fit
            | Self::Features
            | Self::Train
            | Self::Evaluate
            | Self::Export
            | Self::Verify
            | Self::Baseline(_)
            | Self::Gain => None,
        }
    }

    /// Does the stage train a network?
    pub fn trains(&self) -> bool {
        matches!(self, Self::Train | Self::Baseline(_))
    }

    /// Combines a kind with the name of its table or task; `None` if a required name is missing or an
    /// unexpected one is present.
    fn from_kind(kind: StageKind, name: Option<&str>) -> Option<Self> {
        Some(match (kind, name) {
            (StageKind::Load, Some(table)) => Self::Load(TableName::new(table)?),
            (StageKind::Split, Some(table)) => Self::Split(TableName::new(table)?),
            (StageKind::Baseline, Some(task)) => Self::Baseline(TaskName::new(task)?),
            (StageKind::Fit, None) => Self::Fit,
            (StageKind::Features, None) => Self::Features,
            (StageKind::Train, None) => Self::Train,
            (StageKind::Evaluate, None) => Self::Evaluate,
            (StageKind::Export, None) => Self::Export,
            (StageKind::Verify, None) => Self::Verify,
            (StageKind::Gain, None) => Self::Gain,
            (StageKind::Load | StageKind::Split | StageKind::Baseline, None) | (_, Some(_)) => return None,
        })
    }

    /// Do all trials share the stage?
    fn is_shared(&self) -> bool {
        matches!(self, Self::Load(_) | Self::Split(_) | Self::Fit)
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind().name();
        match self {
            Self::Load(table) | Self::Split(table) => write!(f, "{kind}:{table}"),
            Self::Baseline(task) => write!(f, "{kind}:{task}"),
            Self::Fit
            | Self::Features
            | Self::Train
            | Self::Evaluate
            | Self::Export
            | Self::Verify
            | Self::Gain => f.write_str(kind),
        }
    }
}

/// A stage of a run. Stages sort by their keys as text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Stage {
    /// Derived from the other fields; stored because stages are looked up by it.
    key: String,
    /// What is to be done.
    pub work: Work,
    /// Counts from 1; `None` for stages that all trials share.
    pub trial: Option<u32>,
}

impl Stage {
    /// A stage that all trials share.
    pub fn shared(work: Work) -> Self {
        Self { key: work.to_string(), work, trial: None }
    }

    /// A stage of a trial.
    pub fn of_trial(work: Work, trial: u32) -> Self {
        Self { key: format!("{work}#{trial}"), work, trial: Some(trial) }
    }

    /// The key: `load:census`, `split:census`, `fit`, `features#1`, `train#1`, `evaluate#1`, `export#1`,
    /// `verify#1`, `baseline:income#1`, `gain#1`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The kind of the stage.
    pub fn kind(&self) -> StageKind {
        self.work.kind()
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.key)
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.key, f)
    }
}

/// A text is not the key of a stage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a stage")]
pub struct ParseStageError(String);

impl FromStr for Stage {
    type Err = ParseStageError;

    fn from_str(key: &str) -> Result<Self, ParseStageError> {
        let stage = || {
            let (work, trial) = match key.rsplit_once('#') {
                Some((work, trial)) => (work, Some(trial.parse().ok()?)),
                None => (key, None),
            };
            let (kind, name) = match work.split_once(':') {
                Some((kind, name)) => (kind, Some(name)),
                None => (work, None),
            };
            let work = Work::from_kind(StageKind::named(kind)?, name)?;
            let stage = match trial {
                Some(trial) if !work.is_shared() => Self::of_trial(work, trial),
                None if work.is_shared() => Self::shared(work),
                Some(_) | None => return None,
            };
            // A number has several spellings, such as `01`; a key has one.
            (stage.key == key).then_some(stage)
        };
        stage().ok_or_else(|| ParseStageError(key.to_owned()))
    }
}

impl TryFrom<String> for Stage {
    type Error = ParseStageError;

    fn try_from(key: String) -> Result<Self, ParseStageError> {
        key.parse()
    }
}

impl From<Stage> for String {
    fn from(stage: Stage) -> Self {
        stage.key
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::name::{TableName, TaskName};
    use crate::domain::stage::{Stage, StageKind, Work};

    /// These keys are stored in databases and event logs of every version.
    #[test]
    fn keys_parse_back_to_stages() {
        let table = || TableName::new("census").expect("a name");
        let task = TaskName::new("income").expect("a name");
        let known = [
            ("load:census", Stage::shared(Work::Load(table()))),
            ("split:census", Stage::shared(Work::Split(table()))),
            ("fit", Stage::shared(Work::Fit)),
            ("features#1", Stage::of_trial(Work::Features, 1)),
            ("train#1", Stage::of_trial(Work::Train, 1)),
            ("evaluate#12", Stage::of_trial(Work::Evaluate, 12)),
            ("export#1", Stage::of_trial(Work::Export, 1)),
            ("verify#1", Stage::of_trial(Work::Verify, 1)),
            ("baseline:income#3", Stage::of_trial(Work::Baseline(task), 3)),
            ("gain#1", Stage::of_trial(Work::Gain, 1)),
        ];
        let kinds: Vec<StageKind> = known.iter().map(|(_, stage)| stage.kind()).collect();
        assert_eq!(kinds, StageKind::ALL);
        for (key, stage) in known {
            assert_eq!((stage.key(), key.parse()), (key, Ok(stage.clone())));
            assert_eq!(serde_json::to_string(&stage).expect("text"), format!("\"{key}\""));
            assert_eq!(serde_json::from_str::<Stage>(&format!("\"{key}\"")).expect("a stage"), stage);
        }
    }

    #[test]
    fn invalid_keys_are_refused() {
        for text in [
            "",
            "train",
            "train#",
            "train#01",
            "train#+1",
            "train#a",
            "train:a#1",
            "load",
            "load:",
            "load:a#1",
        ] {
            assert!(text.parse::<Stage>().is_err(), "{text}");
        }
        for text in ["fit#1", "fit:a", "baseline#1", "baseline:a b#1", "sweep", "trains#1", " fit"] {
            assert!(text.parse::<Stage>().is_err(), "{text}");
        }
    }

    #[test]
    fn stages_sort_by_their_keys() {
        let stage = |trial| Stage::of_trial(Work::Train, trial);
        assert!(stage(10) < stage(2) && Stage::of_trial(Work::Gain, 9) < stage(1));
        assert_eq!(format!("[{:<8}]", stage(2)), "[train#2 ]");
    }
}
