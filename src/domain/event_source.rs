//! The source of a message: a stage, the sweep or the search.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::stage::{ParseStageError, Stage};

/// Serialized as its name, in databases and event logs, in the place of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum EventSource {
    /// A stage of the run.
    Stage(Stage),
    /// The log of a sweep.
    Sweep,
    /// The search that chooses the trials of a sweep.
    Search,
}

impl EventSource {
    fn name(&self) -> &str {
        match self {
            Self::Stage(stage) => stage.key(),
            Self::Sweep => "sweep",
            Self::Search => "search",
        }
    }

    /// The trial, if the source is a stage of a trial.
    pub fn trial(&self) -> Option<u32> {
        match self {
            Self::Stage(stage) => stage.trial,
            Self::Sweep | Self::Search => None,
        }
    }
}

impl fmt::Display for EventSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<Stage> for EventSource {
    fn from(stage: Stage) -> Self {
        Self::Stage(stage)
    }
}

impl FromStr for EventSource {
    type Err = ParseStageError;

    fn from_str(name: &str) -> Result<Self, ParseStageError> {
        let without_stage = [Self::Sweep, Self::Search].into_iter().find(|source| source.name() == name);
        without_stage.map_or_else(|| name.parse().map(Self::Stage), Ok)
    }
}

impl TryFrom<String> for EventSource {
    type Error = ParseStageError;

    fn try_from(name: String) -> Result<Self, ParseStageError> {
        name.parse()
    }
}

impl From<EventSource> for String {
    fn from(source: EventSource) -> Self {
        source.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::event_source::EventSource;
    use crate::domain::stage::{Stage, Work};

    #[test]
    fn names_parse_back_to_sources() {
        let known = [
            ("train#3", EventSource::Stage(Stage::of_trial(Work::Train, 3)), Some(3)),
            ("fit", EventSource::Stage(Stage::shared(Work::Fit)), None),
            ("sweep", EventSource::Sweep, None),
            ("search", EventSource::Search, None),
        ];
        for (name, source, trial) in known {
            assert_eq!((name.parse(), source.trial()), (Ok(source.clone()), trial));
            assert_eq!((source.to_string(), String::from(source)), (name.to_owned(), name.to_owned()));
        }
        assert!("prepare".parse::<EventSource>().is_err());
    }
}
