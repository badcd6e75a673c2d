//! Who says something to a person: a stage, or what is over all of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::stage::{ParseStageError, Stage};

/// In databases and tapes it stands as its name, where a stage would stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum EventSource {
    Stage(Stage),
    /// What keeps the course of a sweep.
    Sweep,
    /// What chooses the trials of a sweep.
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

    /// The trial it speaks of, where it is one trial's.
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
        let above = [Self::Sweep, Self::Search].into_iter().find(|speaker| speaker.name() == name);
        above.map_or_else(|| name.parse().map(Self::Stage), Ok)
    }
}

impl TryFrom<String> for EventSource {
    type Error = ParseStageError;

    fn try_from(name: String) -> Result<Self, ParseStageError> {
        name.parse()
    }
}

impl From<EventSource> for String {
    fn from(speaker: EventSource) -> Self {
        speaker.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::event_source::EventSource;
    use crate::domain::stage::{Stage, Work};

    #[test]
    fn a_name_is_a_speaker_and_back() {
        let known = [
            ("train#3", EventSource::Stage(Stage::of_trial(Work::Train, 3)), Some(3)),
            ("fit", EventSource::Stage(Stage::shared(Work::Fit)), None),
            ("sweep", EventSource::Sweep, None),
            ("search", EventSource::Search, None),
        ];
        for (name, speaker, trial) in known {
            assert_eq!((name.parse(), speaker.trial()), (Ok(speaker.clone()), trial));
            assert_eq!((speaker.to_string(), String::from(speaker)), (name.to_owned(), name.to_owned()));
        }
        assert!("prepare".parse::<EventSource>().is_err());
    }
}
