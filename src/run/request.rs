//! What a run is asked to do, and how it went.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;

use crate::domain::cancel::CancelToken;
use crate::domain::event::RunState;
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::plan::{Plan, Stage, Work};
use crate::run::error::RunError;
use crate::run::lock::RunLock;

/// What to do.
pub struct RunRequest<'a> {
    pub plan: &'a Plan,
    /// The pipeline file's folder.
    pub base: &'a Path,
    pub layout: &'a Layout,
    pub run: &'a RunId,
    /// This process works on the run, and no other.
    pub lock: &'a RunLock,
    /// Make everything anew, whatever is cached.
    pub new_run: bool,
    /// Only these stages (and what they need), by key or kind; all when there are none.
    pub only: &'a [String],
    /// Trials at work side by side.
    pub jobs: NonZeroUsize,
    pub resumed: bool,
    pub cancel: &'a CancelToken,
}

/// What failed, and why.
#[derive(Debug)]
pub struct RunFailure {
    /// `None`: what goes before the stages, or between them.
    pub stage: Option<Stage>,
    pub error: RunError,
}

/// How it went.
#[derive(Debug)]
pub struct RunOutcome {
    pub state: RunState,
    /// In the order of the stages' keys, round by round.
    pub failures: Vec<RunFailure>,
}

impl RunRequest<'_> {
    /// The stages asked for: all, or some and what they need.
    pub(super) fn wanted(&self, plan: &Plan) -> Result<BTreeSet<Stage>, RunError> {
        let all = || plan.stages().cloned();
        let mut wanted = BTreeSet::new();
        for only in self.only {
            let missing =
                || RunError::UnknownStage { stage: only.clone(), known: all().map(String::from).collect() };
            let nodes = plan.only(only).ok_or_else(missing)?;
            wanted.extend(nodes.into_iter().map(|node| plan.graph[node].clone()));
        }
        let pruned = plan.pipeline.sweep.as_ref().is_some_and(|sweep| sweep.pruning.is_some());
        let trained = wanted.iter().filter(|stage| stage.work == Work::Train).filter_map(|stage| stage.trial);
        if let Some(last) = trained.max().filter(|_| pruned) {
            // Whether a trial is given up depends on those before it.
            let before = (1..last).map(|trial| Stage::of_trial(Work::Train, trial));
            for node in before.filter_map(|stage| plan.only(stage.key())).flatten() {
                wanted.insert(plan.graph[node].clone());
            }
        }
        Ok(if self.only.is_empty() { all().collect() } else { wanted })
    }
}
