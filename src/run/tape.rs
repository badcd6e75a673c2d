//! A stage's tape: what it said, kept beside what it made, so that a cached stage can say it again.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::domain::event::{Event, Observer};
use crate::run::error::Error;

const FILE: &str = "events.jsonl";

/// Listens to one stage, passes every event on, and remembers those worth telling again.
pub struct Tape<'a> {
    listener: &'a dyn Observer,
    events: Mutex<Vec<Event>>,
    /// Where events are also written at once, so that a killed training keeps its history.
    journal: Option<PathBuf>,
}

impl<'a> Tape<'a> {
    pub fn new(listener: &'a dyn Observer) -> Self {
        Self { listener, events: Mutex::new(Vec::new()), journal: None }
    }

    /// A tape that goes on where the journal in `folder` ends. What came after the step that the
    /// work goes on from is forgotten when the work says where that is.
    pub fn with_journal(listener: &'a dyn Observer, folder: &Path) -> Self {
        let journal = folder.join(FILE);
        let events = read_lines(&journal);
        Self { listener, events: Mutex::new(events), journal: Some(journal) }
    }

    /// Writes the tape into the folder of the stage's artifact.
    pub fn keep(self, folder: &Path) -> Result<(), Error> {
        let events = self.events.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        let path = folder.join(FILE);
        fs::write(&path, lines(&events)).map_err(Error::io("write", &path))
    }

    /// Reads the tape kept in an artifact's folder.
    pub fn read(folder: &Path) -> Result<Vec<Event>, Error> {
        let path = folder.join(FILE);
        let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        text.lines()
            .map(|line| serde_json::from_str(line))
            .collect::<Result<_, _>>()
            .map_err(|error| Error::Damaged { path: folder.to_owned(), reason: error.to_string() })
    }
}

impl Observer for Tape<'_> {
    fn observe(&self, event: &Event) {
        if is_history(event) {
            let mut events = self.events.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if let Event::TrainStarted { from_step, .. } = event {
                events.retain(|old| happened_by(old, *from_step));
                if let Some(journal) = &self.journal {
                    // A journal that cannot be written costs history after a kill, not the run.
                    let _ = fs::write(journal, lines(&events));
                }
            }
            events.push(event.clone());
            if let Some(journal) = &self.journal {
                let _ = append(journal, event);
            }
        }
        self.listener.observe(event);
    }
}

/// Is it part of the story, rather than of the progress bar?
fn is_history(event: &Event) -> bool {
    !matches!(event, Event::Stepped { .. } | Event::CheckpointSaved { .. })
}

/// Was it said before training reached the step it now goes on from?
fn happened_by(event: &Event, from_step: usize) -> bool {
    match event {
        Event::EpochFinished { step, .. } => *step <= from_step,
        Event::TrainStarted { .. } => false,
        _ => from_step > 0,
    }
}

fn append(journal: &Path, event: &Event) -> std::io::Result<()> {
    if let Some(folder) = journal.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().create(true).append(true).open(journal)?;
    file.write_all(lines(std::slice::from_ref(event)).as_bytes())
}

fn lines(events: &[Event]) -> String {
    let mut text = String::new();
    for event in events {
        // An event is plain data; there is nothing in it that JSON cannot say.
        text.push_str(&serde_json::to_string(event).unwrap_or_default());
        text.push('\n');
    }
    text
}

/// The whole lines of a journal; a kill may have left half a line at its end.
fn read_lines(journal: &Path) -> Vec<Event> {
    let text = fs::read_to_string(journal).unwrap_or_default();
    text.lines().map_while(|line| serde_json::from_str(line).ok()).collect()
}
