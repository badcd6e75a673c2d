//! The log of a sweep: proposed combinations, the progress of each trial, and pruned trials. Pruning and
//! search decide by it.
//!
//! It observes the run and appends a line to the run's `sweep.jsonl` before anything depends on it, so a
//! killed run resumes with the same decisions. Numbers are stored as text that parses to the same bits.
//!
//! A trial is compared with the trials of smaller numbers at the same epoch, and waits until their results at
//! that epoch are known. So decisions do not depend on timing: whether trials run in parallel, are cached or
//! resumed, the same ones are pruned. Trials start in the order of their numbers, and the first running one
//! never waits, so there is no deadlock.

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

/// The state of a run's sweep and its log file.
pub struct SweepLog {
    path: PathBuf,
    rule: Option<PruningConfig>,
    direction: Direction,
    state: Mutex<SweepState>,
    /// Notified when a trial makes progress.
    progressed: Condvar,
    /// Whether the file contained a line that was changed after it was written.
    damaged: bool,
}

/// How often a waiting trial checks for cancellation.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

impl SweepLog {
    /// Reads the log of an earlier execution of the run. If not `kept`, nothing is read or written, because
    /// nothing depends on it.
    pub fn open(
        path: &Path,
        kept: bool,
        rule: Option<PruningConfig>,
        direction: Direction,
    ) -> Result<Self, RunError> {
        let (mut state, mut damaged) = (SweepState::default(), false);
        if kept {
            let text = match std::fs::read(path) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                Err(error) => return Err(RunError::io("read", path)(error)),
            };
            // A truncated last line is dropped. From a changed line on, everything is determined again: the
            // same results lead to the same decisions.
            let (lines, valid_bytes) = state::read(&text);
            damaged = valid_bytes < text.rfind('\n').map_or(0, |end| end + 1);
            lines.into_iter().for_each(|line| state.apply(line));
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(RunError::io("open", path))?;
            file.set_len(valid_bytes as u64).map_err(RunError::io("write", path))?;
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

    /// A warning if the file was damaged.
    pub fn damage(&self) -> Option<String> {
        let path = self.path.display();
        let warning = "has a line that was changed after it was written; it and the lines after it are \
                       determined again";
        self.damaged.then(|| format!("{path} {warning}"))
    }

    /// The first error of writing the log.
    pub fn check(&self) -> Result<(), RunError> {
        self.state().write_error.take().map_or(Ok(()), |error| Err(RunError::io("write", &self.path)(error)))
    }

    /// The combinations proposed after the initial trials, in order.
    pub fn chosen(&self) -> Vec<ChoicesByAddress> {
        self.state().chosen.clone()
    }

    /// Records the combinations of a round, before anything is trained with them.
    pub fn choose(&self, choices: Vec<ChoicesByAddress>) {
        self.state().push(Line::Round { choices });
    }

    /// Records that a trial's training is over, so that no trial waits for it; `failed` if by an error.
    pub fn close(&self, trial: u32, failed: bool) {
        let mut state = self.state();
        if failed && state.trials.get(&trial).is_none_or(|progress| progress.failed.is_none()) {
            state.push(Line::Failed { trial });
        }
        state.closed.insert(trial);
        self.progressed.notify_all();
    }

    /// The outcome of a trial so far; `None` before its first objective.
    pub fn outcome(&self, trial: u32) -> Option<TrialOutcome> {
        let state = self.state();
        let progress = state.trials.get(&trial)?;
        let objective = progress.best(self.direction, usize::MAX)?;
        Some(TrialOutcome { objective, pruned_at: (!progress.ended).then(|| progress.last()) })
    }

    /// The epoch at which a trial was pruned, and the reason.
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
            | Event::Featured { .. }
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
