//! The request for a run, and its outcome.

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

/// A request to execute a plan.
pub struct RunRequest<'a> {
    /// The plan to execute.
    pub plan: &'a Plan,
    /// The pipeline file's folder.
    pub base: &'a Path,
    /// Paths below the runs folder.
    pub layout: &'a Layout,
    /// Name of the run.
    pub run: &'a RunId,
    /// Proof that no other process works on the run.
    pub lock: &'a RunLock,
    /// Rebuild everything, ignoring the cache.
    pub fresh: bool,
    /// Only these stages, by key or kind, and those they depend on; all if empty.
    pub only: &'a [String],
    /// The number of trials in parallel.
    pub jobs: NonZeroUsize,
    /// Whether an earlier process began it.
    pub resumed: bool,
    /// Tells whether to stop.
    pub cancel: &'a CancelToken,
}

/// A failed stage and its error.
#[derive(Debug)]
pub struct RunFailure {
    /// `None` for errors outside of stages.
    pub stage: Option<Stage>,
    /// The error.
    pub error: RunError,
}

/// How a run ended.
#[derive(Debug)]
pub struct RunOutcome {
    /// Finished, failed or interrupted.
    pub state: RunState,
    /// Ordered by stage key, round by round.
    pub failures: Vec<RunFailure>,
}

impl RunRequest<'_> {
    /// The stages asked for and those they depend on.
    ///
    /// # Errors
    /// [`RunError::UnknownStage`].
    pub(super) fn selected_stages(&self, plan: &Plan) -> Result<BTreeSet<Stage>, RunError> {
        let all = || plan.stages().cloned();
        let mut selected = BTreeSet::new();
        for only in self.only {
            let missing =
                || RunError::UnknownStage { stage: only.clone(), known: all().map(String::from).collect() };
            let nodes = plan.stages_for(only).ok_or_else(missing)?;
            selected.extend(nodes.into_iter().map(|node| plan.graph[node].clone()));
        }
        let pruned = plan.pipeline.sweep.as_ref().is_some_and(|sweep| sweep.pruning.is_some());
        let trained =
            selected.iter().filter(|stage| stage.work == Work::Train).filter_map(|stage| stage.trial);
        if let Some(last) = trained.max().filter(|_| pruned) {
            // Whether a trial is pruned depends on those before it.
            let before = (1..last).map(|trial| Stage::of_trial(Work::Train, trial));
            for node in before.filter_map(|stage| plan.stages_for(stage.key())).flatten() {
                selected.insert(plan.graph[node].clone());
            }
        }
        Ok(if self.only.is_empty() { all().collect() } else { selected })
    }
}
