//! Who may begin, who is at it, who is done: what the workers of a run share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex};

use crate::domain::cancel::CancelToken;
use crate::domain::event::{Event, Observer, RunState};
use crate::plan::{Plan, Stage, Work};

use crate::run::error::RunError;
use crate::run::request::{RunFailure, RunOutcome};
use crate::run::stage_status::needs;

/// The stages of a run as they are taken up and done.
pub(super) struct StageScheduler<'a> {
    plan: &'a Plan,
    /// Trials at work side by side.
    jobs: usize,
    state: Mutex<SchedulerState<'a>>,
    changed: Condvar,
}

#[derive(Default)]
struct SchedulerState<'a> {
    waiting: Vec<&'a Stage>,
    running: Vec<&'a Stage>,
    /// Trials that have begun.
    started: BTreeSet<u32>,
    /// Trials that were given up.
    pruned: BTreeSet<u32>,
    done: BTreeSet<Stage>,
    failed: BTreeMap<Stage, RunError>,
    /// Not done because another failed, and that other.
    skipped: BTreeMap<Stage, Stage>,
    interrupted: bool,
}

impl SchedulerState<'_> {
    /// Trials that have begun and are not done.
    fn open_trials(&self) -> usize {
        let open = self.waiting.iter().chain(&self.running).filter_map(|stage| stage.trial);
        open.filter(|trial| self.started.contains(trial)).collect::<BTreeSet<_>>().len()
    }
}

impl<'a> StageScheduler<'a> {
    /// `done`: stages that need not be waited for.
    pub fn new(plan: &'a Plan, wanted: &BTreeSet<Stage>, jobs: usize, done: BTreeSet<Stage>) -> Self {
        let waiting = plan.stages().filter(|stage| wanted.contains(stage)).collect();
        Self {
            plan,
            jobs,
            state: Mutex::new(SchedulerState { waiting, done, ..SchedulerState::default() }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, SchedulerState<'a>> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The next stage whose needs are met; waits for one; `None` when there will be none.
    pub fn next(&self, cancel: &CancelToken) -> Option<&'a Stage> {
        let mut state = self.lock();
        loop {
            if cancel.is_requested() && !state.waiting.is_empty() {
                state.interrupted = true;
                state.waiting.clear();
            }
            let full = state.open_trials() >= self.jobs;
            let training = state.running.iter().filter(|stage| stage.work.trains()).count();
            let ready = state.waiting.iter().position(|stage| {
                // A trial is finished before the next begins, so that a kill leaves whole ones behind.
                let may_begin = stage.trial.is_none_or(|trial| !full || state.started.contains(&trial));
                // Tasks alone belong to a trial too, and take their turn.
                let may_begin = may_begin && !(stage.work.trains() && training >= self.jobs);
                may_begin && needs(self.plan, stage).all(|needed| state.done.contains(needed))
            });
            if let Some(position) = ready {
                let stage = state.waiting.remove(position);
                state.started.extend(stage.trial);
                state.running.push(stage);
                return Some(stage);
            }
            if state.running.is_empty() {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    }

    pub fn finish(&self, stage: &'a Stage, ended: Result<(), RunError>, observer: &dyn Observer) {
        let mut state = self.lock();
        state.running.retain(|other| *other != stage);
        match ended {
            Ok(()) => {
                state.done.insert(stage.clone());
            }
            Err(error) if error.is_interruption() => {
                state.interrupted = true;
                state.waiting.clear();
            }
            // Given up, not failed: what would come after it is not missed.
            Err(error) if error.is_pruning() => {
                state.pruned.extend(stage.trial);
                self.drop_pruned(&mut state);
            }
            Err(error) => {
                state.failed.insert(stage.clone(), error);
                self.skip_dependents(&mut state, observer);
            }
        }
        self.changed.notify_all();
    }

    /// Takes away what only trials that were given up would have needed. A task trained alone may serve
    /// others too: whether it does must not depend on whether it was done before the trial it belongs to was
    /// given up.
    fn drop_pruned(&self, state: &mut SchedulerState<'a>) {
        let SchedulerState { waiting, pruned, .. } = state;
        let belongs = |stage: &Stage| stage.trial.is_some_and(|trial| pruned.contains(&trial));
        waiting.retain(|stage| !belongs(stage) || matches!(stage.work, Work::Baseline(_)));
        let of_others = waiting.iter().filter(|stage| !belongs(stage));
        let needed: BTreeSet<&Stage> = of_others.flat_map(|stage| needs(self.plan, stage)).collect();
        waiting.retain(|stage| !belongs(stage) || needed.contains(stage));
    }

    fn skip_dependents(&self, state: &mut SchedulerState<'a>, observer: &dyn Observer) {
        loop {
            let blocked = state.waiting.iter().enumerate().find_map(|(position, stage)| {
                let cause = needs(self.plan, stage).find_map(|needed| {
                    let failed = state.failed.contains_key(needed).then(|| needed.clone());
                    failed.or_else(|| state.skipped.get(needed).cloned())
                })?;
                Some((position, cause))
            });
            let Some((position, because)) = blocked else { return };
            let stage = state.waiting.remove(position);
            state.skipped.insert(stage.clone(), because.clone());
            observer.observe(&Event::StageSkipped { stage: stage.clone(), trial: stage.trial, because });
        }
    }

    /// How it went, and which stages are done.
    pub fn outcome(self, cancel: &CancelToken) -> (RunOutcome, BTreeSet<Stage>) {
        let state = self.state.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        let ended = match (&state.failed.is_empty(), state.interrupted) {
            (_, true) => RunState::Interrupted,
            (false, _) => RunState::Failed,
            (true, _) if cancel.is_requested() && !state.waiting.is_empty() => RunState::Interrupted,
            _ => RunState::Finished,
        };
        let failed = state.failed.into_iter();
        let failures = failed.map(|(stage, error)| RunFailure { stage: Some(stage), error }).collect();
        (RunOutcome { state: ended, failures }, state.done)
    }
}
