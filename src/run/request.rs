//! What a run is asked to do, and how it went.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;

use crate::domain::cancel::Cancel;
use crate::domain::event::RunState;
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::plan::{Plan, Work};
use crate::run::error::Error;
use crate::run::lock::RunLock;

/// What to do.
pub struct Request<'a> {
    pub plan: &'a Plan,
    /// The pipeline file's folder.
    pub base: &'a Path,
    pub layout: &'a Layout,
    pub run: &'a RunId,
    /// This process works on the run, and no other.
    pub lock: &'a RunLock,
    /// Make everything anew, whatever is cached.
    pub fresh: bool,
    /// Only these stages (and what they need), by key or kind; all when there are none.
    pub only: &'a [String],
    /// Trials at work side by side.
    pub jobs: NonZeroUsize,
    pub resumed: bool,
    pub cancel: &'a Cancel,
}

/// How it went.
#[derive(Debug)]
pub struct Outcome {
    pub state: RunState,
    /// The stages that failed, with why.
    pub failures: Vec<(String, Error)>,
}

impl Request<'_> {
    /// The stages asked for: all, or some and what they need.
    pub(super) fn wanted(&self, plan: &Plan) -> Result<BTreeSet<String>, Error> {
        let all = || plan.stages().map(|stage| stage.key.clone());
        let mut wanted = BTreeSet::new();
        for only in self.only {
            let missing = || Error::UnknownStage { stage: only.clone(), known: all().collect() };
            let nodes = plan.only(only).ok_or_else(missing)?;
            wanted.extend(nodes.into_iter().map(|node| plan.graph[node].key.clone()));
        }
        let pruned = plan.pipeline.sweep.as_ref().is_some_and(|sweep| sweep.pruning.is_some());
        let trained = |key: &String| {
            plan.node(key).map(|node| &plan.graph[node]).filter(|stage| stage.work == Work::Train)
        };
        if let Some(last) =
            wanted.iter().filter_map(trained).filter_map(|stage| stage.trial).max().filter(|_| pruned)
        {
            // Whether a trial is given up depends on those before it.
            for node in (1..last).filter_map(|trial| plan.only(&format!("train#{trial}"))).flatten() {
                wanted.insert(plan.graph[node].key.clone());
            }
        }
        Ok(if self.only.is_empty() { all().collect() } else { wanted })
    }
}
