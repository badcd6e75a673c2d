//! The course of a sweep: what was chosen, how far each trial came, and which were given up; what pruning and
//! search decide by.
//!
//! It listens to the run and keeps a line for everything that counts in the run's `sweep.jsonl`, before
//! anything depends on it. So a run that was killed goes on with the same decisions. Numbers are kept as text
//! that reads back to the same bits.
//!
//! A trial is judged by what the trials of smaller numbers had by the same epoch. One that comes to an epoch
//! before them waits until that is known of all of them. So no decision depends on who came first: side by
//! side, cached or gone on with, the same are given up. Trials begin in the order of their numbers, and the
//! first of those at work waits for nobody: the others' turn comes.

mod state;
#[cfg(test)]
mod tests;

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::cancel::CancelToken;
use crate::domain::event::{Event, FinishedEpoch, Observer};
use crate::domain::score::Direction;
use crate::domain::stage::Work;
use crate::plan::search::{ChoicesByAddress, TrialOutcome};
use crate::run::error::RunError;
use crate::run::pruning::{compares, verdict};
use crate::run::sweep_log::state::{Line, SweepState};
use crate::spec::pruning::PruningConfig;
use crate::train::job::Pruner;

/// What a run knows of its own sweep.
pub struct SweepLog {
    path: PathBuf,
    rule: Option<PruningConfig>,
    direction: Direction,
    state: Mutex<SweepState>,
    /// Somebody came a little further.
    progressed: Condvar,
    /// Did its file hold a line that was changed after it was written?
    damaged: bool,
}

/// How long a trial that waits for others leaves a request to stop unanswered.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

impl SweepLog {
    /// Reads what an earlier execution of the run left. Without `kept` nothing is written: nothing depends on
    /// it.
    pub fn open(
        path: &Path,
        kept: bool,
        rule: Option<PruningConfig>,
        direction: Direction,
    ) -> Result<Self, RunError> {
        let (mut state, mut damaged) = (SweepState::default(), false);
        if kept {
            let known = match std::fs::read(path) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                Err(error) => return Err(RunError::io("read", path)(error)),
            };
            // A line that a kill cut off says nothing yet. From one that was changed on everything is found
            // out again: the same results lead to the same decisions.
            let (lines, whole) = state::read(&known);
            damaged = whole < known.rfind('\n').map_or(0, |end| end + 1);
            lines.into_iter().for_each(|line| state.take(line));
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(RunError::io("open", path))?;
            file.set_len(whole as u64).map_err(RunError::io("write", path))?;
            state.file = Some(file);
        }
        Ok(Self {
            path: path.to_owned(),
            rule,
            direction,
            damaged,
            state: Mutex::new(state),
            progressed: Condvar::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, SweepState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a person should know of its file.
    pub fn damage(&self) -> Option<String> {
        let path = self.path.display();
        let text = "holds a line that was changed after it was written: what stood there and behind it is found out again";
        self.damaged.then(|| format!("{path} {text}"))
    }

    /// An error when something that counts could not be written down.
    pub fn check(&self) -> Result<(), RunError> {
        self.state().broken.take().map_or(Ok(()), |error| Err(RunError::io("write", &self.path)(error)))
    }

    /// What was chosen after the beginning, in order.
    pub fn chosen(&self) -> Vec<ChoicesByAddress> {
        self.state().chosen.clone()
    }

    /// Notes the choices of a round, before anything is trained with them.
    pub fn choose(&self, choices: Vec<ChoicesByAddress>) {
        self.state().push(Line::Round { choices });
    }

    /// Notes that a trial's training is over; `failed`: by a fault. Nobody waits for it any more.
    pub fn close(&self, trial: u32, failed: bool) {
        let mut state = self.state();
        if failed && state.trials.get(&trial).is_none_or(|progress| progress.failed.is_none()) {
            state.push(Line::Failed { trial });
        }
        state.over.insert(trial);
        self.progressed.notify_all();
    }

    /// What came of a trial; `None` before its first objective.
    pub fn came(&self, trial: u32) -> Option<TrialOutcome> {
        let state = self.state();
        let progress = state.trials.get(&trial)?;
        let objective = progress.best(self.direction, usize::MAX)?;
        Some(TrialOutcome { objective, given_up: (!progress.ended).then(|| progress.last()) })
    }

    /// When and why a trial was given up.
    pub fn pruned(&self, trial: u32) -> Option<(usize, String)> {
        self.state().pruned.get(&trial).cloned()
    }
}

impl Observer for SweepLog {
    fn observe(&self, event: &Event) {
        match event {
            Event::StageStarted { stage, trial, fingerprint }
            | Event::StageCached { stage, trial, fingerprint } => {
                let (Work::Train, Some(trial)) = (&stage.work, trial) else { return };
                let mut state = self.state();
                if state.started.get(trial) != Some(fingerprint) {
                    state.push(Line::Begun { trial: *trial, fingerprint: fingerprint.clone() });
                }
            }
            Event::EpochFinished(FinishedEpoch { trial, epoch, objective, .. }) => {
                let (trial, epoch, objective) = (*trial, *epoch, *objective);
                let mut state = self.state();
                let known = state.trials.get(&trial).and_then(|progress| progress.epochs.get(&epoch));
                if known != Some(&objective) {
                    let objective = objective.map(|value| format!("{value:?}"));
                    state.push(Line::Reached { trial, epoch, objective });
                    self.progressed.notify_all();
                }
            }
            Event::TrainFinished { trial, .. } => {
                let mut state = self.state();
                if !state.trials.get(trial).is_some_and(|progress| progress.ended) {
                    state.push(Line::Ended { trial: *trial });
                    self.progressed.notify_all();
                }
            }
            Event::RunStarted { .. }
            | Event::StageFinished { .. }
            | Event::StageFailed { .. }
            | Event::StageSkipped { .. }
            | Event::Note { .. }
            | Event::Loaded { .. }
            | Event::Divided { .. }
            | Event::Fitted { .. }
            | Event::TrainStarted { .. }
            | Event::Stepped { .. }
            | Event::GradientsCompared { .. }
            | Event::AffinityMeasured { .. }
            | Event::CheckpointSaved { .. }
            | Event::TrialChosen { .. }
            | Event::TrialPruned { .. }
            | Event::Scored { .. }
            | Event::FrontScored { .. }
            | Event::BaselineScored { .. }
            | Event::Gained { .. }
            | Event::Exported { .. }
            | Event::Verified { .. }
            | Event::RunFinished { .. } => {}
        }
    }
}

impl Pruner for SweepLog {
    fn prune(&self, trial: u32, epoch: usize, cancel: &CancelToken) -> Option<String> {
        let rule = self.rule.as_ref()?;
        let mut state = self.state();
        if let Some((last, reason)) = state.pruned.get(&trial) {
            return (*last == epoch).then(|| reason.clone());
        }
        while compares(rule, trial, epoch) && !state.is_settled(trial, epoch) {
            if cancel.is_requested() {
                return None;
            }
            let woken = self.progressed.wait_timeout(state, POLL_INTERVAL);
            state = woken.map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
        let reason = verdict(rule, self.direction, &state.trials, trial, epoch)?;
        state.push(Line::Pruned { trial, epoch, reason: reason.clone() });
        self.progressed.notify_all();
        Some(reason)
    }
}
