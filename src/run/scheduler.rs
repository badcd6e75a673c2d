//! The scheduler of a run: which stages wait, run and are done; shared by the workers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex};

use crate::domain::cancel::CancelToken;
use crate::domain::event::{Event, Observer, RunState};
use crate::plan::{Plan, Stage, Work};

use crate::run::error::RunError;
use crate::run::request::{RunFailure, RunOutcome};
use crate::run::stage_status::needs;

/// The stages of a run and their states.
pub(super) struct StageScheduler<'a> {
    plan: &'a Plan,
    /// The number of trials in parallel.
    jobs: usize,
    state: Mutex<SchedulerState<'a>>,
    changed: Condvar,
}

#[derive(Default)]
struct SchedulerState<'a> {
    waiting: Vec<&'a Stage>,
    running: Vec<&'a Stage>,
    /// Trials that have started.
    started: BTreeSet<u32>,
    /// Trials that were pruned.
    pruned: BTreeSet<u32>,
    done: BTreeSet<Stage>,
    failed: BTreeMap<Stage, RunError>,
    /// Stages skipped because another failed, with the failed one.
    skipped: BTreeMap<Stage, Stage>,
    interrupted: bool,
}

impl SchedulerState<'_> {
    /// The number of trials that have started and are not done.
    fn open_trials(&self) -> usize {
        let open = self.waiting.iter().chain(&self.running).filter_map(|stage| stage.trial);
        open.filter(|trial| self.started.contains(trial)).collect::<BTreeSet<_>>().len()
    }
}

impl<'a> StageScheduler<'a> {
    /// `done` are stages of earlier rounds.
    pub fn new(plan: &'a Plan, selected: &BTreeSet<Stage>, jobs: usize, done: BTreeSet<Stage>) -> Self {
        let waiting = plan.stages().filter(|stage| selected.contains(stage)).collect();
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

    /// The next stage whose dependencies are done; waits for one; `None` if no more stages can run.
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
                // Finish a trial before starting the next, so that a kill leaves complete trials behind.
                let may_begin = stage.trial.is_none_or(|trial| !full || state.started.contains(&trial));
                // Single-task baselines count against the limit too.
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

    /// Records how a stage ended.
    pub fn finish(&self, stage: &'a Stage, outcome: Result<(), RunError>, observer: &dyn Observer) {
        let mut state = self.lock();
        state.running.retain(|other| *other != stage);
        match outcome {
            Ok(()) => {
                state.done.insert(stage.clone());
            }
            Err(error) if error.is_interruption() => {
                state.interrupted = true;
                state.waiting.clear();
            }
            // Pruned, not failed: its dependents are dropped silently.
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

    /// Drops waiting stages that only pruned trials need. A baseline may serve other trials too; whether it
    /// runs must not depend on whether it ran before its own trial was pruned.
    fn drop_pruned(&self, state: &mut SchedulerState<'a>) {
        let SchedulerState { waiting, pruned, .. } = state;
        let belongs = |stage: &Stage| stage.trial.is_some_and(|trial| pruned.contains(&trial));
        waiting.retain(|stage| !belongs(stage) || matches!(stage.work, Work::Baseline(_)));
        let of_others = waiting.iter().filter(|stage| !belongs(stage));
        let needed: BTreeSet<&Stage> = of_others.flat_map(|stage| needs(self.plan, stage)).collect();
        waiting.retain(|stage| !belongs(stage) || needed.contains(stage));
    }

    /// Skips all stages that depend on a failed one.
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

    /// The outcome, and the stages that are done.
    pub fn outcome(self, cancel: &CancelToken) -> (RunOutcome, BTreeSet<Stage>) {
        let state = self.state.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        let run_state = match (&state.failed.is_empty(), state.interrupted) {
            (_, true) => RunState::Interrupted,
            (false, _) => RunState::Failed,
            (true, _) if cancel.is_requested() && !state.waiting.is_empty() => RunState::Interrupted,
            _ => RunState::Finished,
        };
        let failed = state.failed.into_iter();
        let failures = failed.map(|(stage, error)| RunFailure { stage: Some(stage), error }).collect();
        (RunOutcome { state: run_state, failures }, state.done)
    }
}
