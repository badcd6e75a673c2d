//! Observes a run and records its events.
//!
//! Events are buffered in memory and written in one transaction: after every epoch and stage, and about once
//! a second. All rows have natural keys and repeated events overwrite them, so resumed and cached stages may
//! repeat their events. If the database cannot be written (disk full, locked), events stay buffered and are
//! retried; only what is still unwritten at the end is an error.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};

use crate::domain::event::{Event, Observer};
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::domain::stage::Stage;
use crate::store::ResultsDatabase;
use crate::store::error::StoreError;
use crate::store::event::EventWriter;
use crate::store::header::RunHeader;
use crate::store::start_run::insert_run;

/// How long an event may stay buffered.
const MAX_DELAY: Duration = Duration::from_secs(1);
/// How long to wait after a failed write.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// An observer that writes to the results database.
pub struct Recorder {
    state: Mutex<RecorderState>,
}

struct RecorderState {
    store: ResultsDatabase,
    layout: Layout,
    run: RunId,
    /// Seconds that earlier executions of the run took.
    earlier_seconds: f64,
    buffered: Vec<Event>,
    /// Cached stages whose events are being replayed.
    replayed: Vec<Stage>,
    last_write: Instant,
    /// After a failed write: when to try again.
    retry_at: Option<Instant>,
}

impl Recorder {
    /// Writes the header of a new or resumed run.
    pub fn new(mut store: ResultsDatabase, header: &RunHeader) -> Result<Self, StoreError> {
        let earlier_seconds =
            insert_run(&mut store.connection, header).map_err(|source| store.failed(source))?;
        let state = RecorderState {
            layout: store.layout(),
            store,
            run: header.run.clone(),
            earlier_seconds,
            buffered: Vec::new(),
            replayed: Vec::new(),
            last_write: Instant::now(),
            retry_at: None,
        };
        Ok(Self { state: Mutex::new(state) })
    }

    /// Writes the events that are still buffered.
    ///
    /// # Errors
    /// If they could not be written: the record of the run is then incomplete.
    pub fn finish(&self) -> Result<(), StoreError> {
        self.lock().write()
    }

    /// Records a file that the run made for its user; `path` is under the runs folder.
    pub fn artifact(
        &self,
        trial: Option<u32>,
        kind: &str,
        path: &std::path::Path,
        bytes: u64,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.write()?;
        let writer = EventWriter {
            connection: &state.store.connection,
            run: state.run.as_str(),
            layout: &state.layout,
            earlier_seconds: 0.0,
        };
        writer.artifact(trial, kind, path, bytes, None).map_err(|source| state.store.failed(source))
    }

    #[cfg(test)]
    pub(crate) fn lift_size_limit(&self) {
        self.lock().store.connection.pragma_update(None, "max_page_count", 100_000).expect("more room");
    }

    fn lock(&self) -> MutexGuard<'_, RecorderState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    fn observe(&self, event: &Event) {
        self.lock().handle(event);
    }
}

impl RecorderState {
    fn handle(&mut self, event: &Event) {
        let is_urgent = match event {
            Event::Stepped { .. } | Event::Featured { .. } => false,
            Event::StageCached { stage, .. } => {
                self.replayed.push(stage.clone());
                false
            }
            Event::StageFinished { stage, .. }
            | Event::StageFailed { stage, .. }
            | Event::TrialPruned { stage, .. } => {
                self.replayed.retain(|replayed| replayed != stage);
                true
            }
            Event::RunStarted { .. }
            | Event::StageStarted { .. }
            | Event::TrialChosen { .. }
            | Event::RunFinished { .. } => true,
            Event::EpochFinished(_) | Event::TrainStarted { .. } | Event::Verified { .. } => {
                self.replayed.is_empty()
            }
            Event::StageSkipped { .. }
            | Event::Note { .. }
            | Event::Loaded { .. }
            | Event::Divided { .. }
            | Event::Fitted { .. }
            | Event::GradientsCompared { .. }
            | Event::AffinityMeasured { .. }
            | Event::CheckpointSaved { .. }
            | Event::TrainFinished { .. }
            | Event::Scored { .. }
            | Event::FrontScored { .. }
            | Event::BaselineScored { .. }
            | Event::Gained { .. }
            | Event::Exported { .. } => false,
        };
        if !matches!(event, Event::Stepped { .. } | Event::Featured { .. }) {
            self.buffered.push(event.clone());
        }
        let is_due = is_urgent || (!self.buffered.is_empty() && self.last_write.elapsed() >= MAX_DELAY);
        if is_due && self.retry_at.is_none_or(|time| Instant::now() >= time) && self.write().is_err() {
            self.retry_at = Some(Instant::now() + RETRY_DELAY);
        }
    }

    fn write(&mut self) -> Result<(), StoreError> {
        if self.buffered.is_empty() {
            return Ok(());
        }
        let Self { store, layout, run, earlier_seconds, buffered, .. } = self;
        let written = record(&mut store.connection, layout, run, *earlier_seconds, buffered);
        written.map_err(|source| store.failed(source))?;
        self.buffered.clear();
        self.last_write = Instant::now();
        self.retry_at = None;
        Ok(())
    }
}

fn record(
    connection: &mut Connection,
    layout: &Layout,
    run: &RunId,
    earlier_seconds: f64,
    events: &[Event],
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let writer = EventWriter { connection: &transaction, run: run.as_str(), layout, earlier_seconds };
    writer.touch()?;
    for event in events {
        writer.write(event)?;
    }
    transaction.commit()
}
