//! A stage's event log: its events, stored with its artifact, so that a cached stage can replay them.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::domain::event::{Event, Observer};
use crate::domain::event_source::EventSource;
use crate::domain::stage::Work;
use crate::run::error::RunError;

const FILE: &str = "events.jsonl";

/// An observer of one stage that forwards every event and records those worth replaying.
pub struct EventLog<'a> {
    listener: &'a dyn Observer,
    events: Mutex<Vec<Event>>,
}

impl<'a> EventLog<'a> {
    /// Records the events that pass to `listener`.
    pub fn new(listener: &'a dyn Observer) -> Self {
        Self { listener, events: Mutex::new(Vec::new()) }
    }

    /// Writes the events into the folder of the stage's artifact.
    pub fn save(self, folder: &Path) -> Result<(), RunError> {
        let events = self.events.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for event in events {
            // Events are plain data, so serialization cannot fail.
            text.push_str(&serde_json::to_string(&event).unwrap_or_default());
            text.push('\n');
        }
        let path = folder.join(FILE);
        fs::write(&path, text).map_err(RunError::io("write", &path))
    }

    /// Reads the events from an artifact's folder.
    ///
    /// # Errors
    /// If the file cannot be read or holds anything but events.
    pub fn read(folder: &Path) -> Result<Vec<Event>, RunError> {
        let path = folder.join(FILE);
        let text = fs::read_to_string(&path).map_err(RunError::io("read", &path))?;
        text.lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .map_err(|error| RunError::Damaged { path: folder.to_owned(), reason: error.to_string() })
    }
}

impl Observer for EventLog<'_> {
    fn observe(&self, event: &Event) {
        let transient = match event {
            Event::Stepped { .. } | Event::Featured { .. } | Event::CheckpointSaved { .. } => true,
            // Notes of the search for ONNX Runtime depend on the current machine.
            Event::Note { stage, .. } => {
                matches!(stage, EventSource::Stage(stage) if stage.work == Work::Verify)
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
        if !transient {
            self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
        }
        self.listener.observe(event);
    }
}

#[cfg(test)]
mod tests {
    use super::EventLog;
    use crate::domain::event::{Event, Observer};

    struct NullObserver;

    impl Observer for NullObserver {
        fn observe(&self, _: &Event) {}
    }

    #[test]
    fn events_are_kept_except_progress() {
        let folder = tempfile::tempdir().expect("a folder");
        let event_log = EventLog::new(&NullObserver);
        let finished =
            Event::TrainFinished { trial: 1, best_epoch: 2, epochs: 3, reason: "done".into(), seconds: 0.5 };
        event_log.observe(&Event::Stepped { trial: 1, epoch: 1, step: 1, steps: 9, losses: Vec::new() });
        event_log.observe(&Event::CheckpointSaved { trial: 1, epoch: 1, step: 1 });
        event_log.observe(&finished);
        event_log.save(folder.path()).expect("written");
        assert_eq!(EventLog::read(folder.path()).expect("read"), [finished]);
    }

    #[test]
    fn a_truncated_log_is_corrupt() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("events.jsonl"), "{\"event\": \"run_fin").expect("written");
        assert!(EventLog::read(folder.path()).is_err());
    }
}
