//! A stage's tape: what it said, kept beside what it made, so that a cached stage can say it again.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::domain::event::{Event, Observer};
use crate::domain::speaker::Speaker;
use crate::domain::stage::Work;
use crate::run::error::Error;

const FILE: &str = "events.jsonl";

/// Listens to one stage, passes every event on, and remembers those worth telling again.
pub struct Tape<'a> {
    listener: &'a dyn Observer,
    events: Mutex<Vec<Event>>,
}

impl<'a> Tape<'a> {
    pub fn new(listener: &'a dyn Observer) -> Self {
        Self { listener, events: Mutex::new(Vec::new()) }
    }

    /// Writes the tape into the folder of the stage's artifact.
    pub fn keep(self, folder: &Path) -> Result<(), Error> {
        let events = self.events.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for event in events {
            // An event is plain data; there is nothing in it that JSON cannot say.
            text.push_str(&serde_json::to_string(&event).unwrap_or_default());
            text.push('\n');
        }
        let path = folder.join(FILE);
        fs::write(&path, text).map_err(Error::io("write", &path))
    }

    /// Reads the tape kept in an artifact's folder.
    pub fn read(folder: &Path) -> Result<Vec<Event>, Error> {
        let path = folder.join(FILE);
        let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        text.lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .map_err(|error| Error::Damaged { path: folder.to_owned(), reason: error.to_string() })
    }
}

impl Observer for Tape<'_> {
    fn observe(&self, event: &Event) {
        let passing = match event {
            Event::Stepped { .. } | Event::CheckpointSaved { .. } => true,
            // What the search for ONNX Runtime noticed is of this moment and machine.
            Event::Note { stage, .. } => {
                matches!(stage, Speaker::Stage(stage) if stage.work == Work::Verify)
            }
            Event::RunStarted { .. }
            | Event::StageStarted { .. }
            | Event::StageCached { .. }
            | Event::StageFinished { .. }
            | Event::StageFailed { .. }
            | Event::StageSkipped { .. }
            | Event::Loaded { .. }
            | Event::Divided { .. }
            | Event::Fitted { .. }
            | Event::TrainStarted { .. }
            | Event::EpochFinished(_)
            | Event::GradientsCompared { .. }
            | Event::AffinityMeasured { .. }
            | Event::TrainFinished { .. }
            | Event::TrialChosen { .. }
            | Event::TrialPruned { .. }
            | Event::Scored { .. }
            | Event::FrontScored { .. }
            | Event::BaselineScored { .. }
            | Event::Gained { .. }
            | Event::Exported { .. }
            | Event::Verified { .. }
            | Event::RunFinished { .. } => false,
        };
        if !passing {
            self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
        }
        self.listener.observe(event);
    }
}

#[cfg(test)]
mod tests {
    use super::Tape;
    use crate::domain::event::{Event, Observer};

    struct Nobody;

    impl Observer for Nobody {
        fn observe(&self, _: &Event) {}
    }

    #[test]
    fn the_story_is_kept_and_the_progress_bar_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let tape = Tape::new(&Nobody);
        let told =
            Event::TrainFinished { trial: 1, best_epoch: 2, epochs: 3, reason: "done".into(), seconds: 0.5 };
        tape.observe(&Event::Stepped { trial: 1, epoch: 1, step: 1, steps: 9, losses: Vec::new() });
        tape.observe(&Event::CheckpointSaved { trial: 1, epoch: 1, step: 1 });
        tape.observe(&told);
        tape.keep(folder.path()).expect("written");
        assert_eq!(Tape::read(folder.path()).expect("read"), [told]);
    }

    #[test]
    fn half_a_tape_is_damaged() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("events.jsonl"), "{\"event\": \"run_fin").expect("written");
        assert!(Tape::read(folder.path()).is_err());
    }
}
