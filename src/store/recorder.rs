//! Listens to a run and writes it down.
//!
//! Events wait in memory and go to the database together, in one transaction: after every epoch and
//! stage, and about once a second. All rows have natural keys and are overwritten by the same event
//! told again, so resumed and cached stages may repeat themselves. When the database cannot be
//! written (disk full, locked), events are kept and tried again; only what is still unwritten at
//! the end is an error.

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

/// How long an event may wait.
const LATEST: Duration = Duration::from_secs(1);
/// How long to leave the database alone after it could not be written.
const PAUSE: Duration = Duration::from_secs(5);

/// An observer that writes to the results database.
pub struct Recorder {
    desk: Mutex<RecorderState>,
}

struct RecorderState {
    store: ResultsDatabase,
    layout: Layout,
    run: RunId,
    /// Seconds worked on the run before this execution.
    earlier: f64,
    waiting: Vec<Event>,
    /// Cached stages that are telling their story again.
    telling: Vec<Stage>,
    written: Instant,
    /// Do not try before.
    pause: Option<Instant>,
}

impl Recorder {
    /// Writes the run's head, new or to be gone on with, and is ready to listen.
    pub fn new(mut store: ResultsDatabase, header: &RunHeader) -> Result<Self, StoreError> {
        let earlier = insert_run(&mut store.connection, header).map_err(|source| store.failed(source))?;
        let desk = RecorderState {
            layout: store.layout(),
            store,
            run: header.run.clone(),
            earlier,
            waiting: Vec::new(),
            telling: Vec::new(),
            written: Instant::now(),
            pause: None,
        };
        Ok(Self { desk: Mutex::new(desk) })
    }

    /// Writes whatever is still waiting, and says whether all that happened is in the database.
    pub fn finish(&self) -> Result<(), StoreError> {
        self.desk().write()
    }

    /// Notes a file that the run left for its user; `path` lies under the runs folder.
    pub fn artifact(
        &self,
        trial: Option<u32>,
        kind: &str,
        path: &std::path::Path,
        bytes: u64,
    ) -> Result<(), StoreError> {
        let mut desk = self.desk();
        desk.write()?;
        let desk = &mut *desk;
        let writer = EventWriter {
            connection: &desk.store.connection,
            run: desk.run.as_str(),
            layout: &desk.layout,
            earlier: 0.0,
        };
        writer.artifact(trial, kind, path, bytes, None).map_err(|source| desk.store.failed(source))
    }

    #[cfg(test)]
    pub(crate) fn wait_for_space(&self) {
        self.desk().store.connection.pragma_update(None, "max_page_count", 100_000).expect("more room");
    }

    fn desk(&self) -> MutexGuard<'_, RecorderState> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    fn observe(&self, event: &Event) {
        self.desk().handle(event);
    }
}

impl RecorderState {
    fn handle(&mut self, event: &Event) {
        let pressing = match event {
            Event::Stepped { .. } => false,
            Event::StageCached { stage, .. } => {
                self.telling.push(stage.clone());
                false
            }
            Event::StageFinished { stage, .. }
            | Event::StageFailed { stage, .. }
            | Event::TrialPruned { stage, .. } => {
                self.telling.retain(|telling| telling != stage);
                true
            }
            Event::RunStarted { .. }
            | Event::StageStarted { .. }
            | Event::TrialChosen { .. }
            | Event::RunFinished { .. } => true,
            Event::EpochFinished(_) | Event::TrainStarted { .. } | Event::Verified { .. } => {
                self.telling.is_empty()
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
        if !matches!(event, Event::Stepped { .. }) {
            self.waiting.push(event.clone());
        }
        let due = pressing || (!self.waiting.is_empty() && self.written.elapsed() >= LATEST);
        if due && self.pause.is_none_or(|until| Instant::now() >= until) && self.write().is_err() {
            self.pause = Some(Instant::now() + PAUSE);
        }
    }

    fn write(&mut self) -> Result<(), StoreError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let Self { store, layout, run, earlier, waiting, .. } = self;
        let written = record(&mut store.connection, layout, run, *earlier, waiting);
        written.map_err(|source| store.failed(source))?;
        self.waiting.clear();
        self.written = Instant::now();
        self.pause = None;
        Ok(())
    }
}

fn record(
    connection: &mut Connection,
    layout: &Layout,
    run: &RunId,
    earlier: f64,
    events: &[Event],
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let writer = EventWriter { connection: &transaction, run: run.as_str(), layout, earlier };
    writer.alive()?;
    for event in events {
        writer.write(event)?;
    }
    transaction.commit()
}
