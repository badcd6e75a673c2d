//! Walks the plan's graph: stages whose artifact is there tell their story again, the others work,
//! side by side where nothing stands between them. A failing stage leaves the others' results.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

use crate::domain::cancel::Cancel;
use crate::domain::event::{Event, Observer, RunState};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::plan::{Plan, Stage, Work};
use crate::run::artifact::{Found, Marker};
use crate::run::error::Error;
use crate::run::files::Look;
use crate::run::lock::RunLock;
use crate::run::reads;
use crate::run::round;
use crate::run::stage;

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

/// What failed, and why.
#[derive(Debug)]
pub struct Failure {
    /// `None`: what goes before the stages, or between them.
    pub stage: Option<Stage>,
    pub error: Error,
}

/// How it went.
#[derive(Debug)]
pub struct Outcome {
    pub state: RunState,
    /// In the order of the stages' keys, round by round.
    pub failures: Vec<Failure>,
}

/// Whether a stage would work, and why or why not.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub fingerprint: Fingerprint,
    /// The settings its result depends on.
    pub words: serde_json::Value,
    pub cached: bool,
    pub why: String,
    /// What is wrong with the artifact that is there.
    pub damage: Option<String>,
}

/// What each stage of a plan would do now. The artifacts of the stages in `used` are looked at whole, of the
/// others only the sizes.
pub fn standings(
    plan: &Plan,
    base: &Path,
    layout: &Layout,
    fresh: bool,
    used: &BTreeSet<Stage>,
) -> BTreeMap<Stage, Standing> {
    let content = reads::content(plan, base, layout);
    let prints = plan.fingerprints(&content.known);
    let mut before = None;
    let standing = |stage: &Stage| {
        let fingerprint = prints[stage].clone();
        let folder = layout.artifact(stage.kind().name(), &fingerprint);
        let look = if used.contains(stage) { Look::Content } else { Look::Sizes };
        let found = Found::at(&folder, &fingerprint, look);
        let words = plan.words(stage, &content.known);
        let unreadable = stage.work.table().and_then(|table| content.unreadable.get(table));
        let why = match &found {
            _ if unreadable.is_some() => unreadable.cloned().unwrap_or_default(),
            Found::Whole(_) if fresh => "made anew: --fresh".to_owned(),
            Found::Whole(_) => "same settings, same data".to_owned(),
            Found::Damaged(reason) => format!("damaged: {reason}"),
            Found::Nothing => match before
                .get_or_insert_with(|| Marker::latest(&layout.cache(), plan.name().as_str()))
                .get(stage.key())
            {
                Some(before) => {
                    before.difference(&words, &upstream(plan, stage, |needed| prints[needed].clone()))
                }
                None => "not made before".to_owned(),
            },
        };
        let cached = matches!(found, Found::Whole(_)) && !fresh && unreadable.is_none();
        let damage = if let Found::Damaged(reason) = found { Some(reason) } else { None };
        (stage.clone(), Standing { fingerprint, words, cached, why, damage })
    };
    plan.stages().map(standing).collect()
}

/// Does a run. Errors of stages stand in the outcome; an `Err` means that nothing could begin.
pub fn execute(request: &Request, observer: &dyn Observer) -> Result<Outcome, Error> {
    let began = Instant::now();
    let cache = request.layout.cache();
    std::fs::create_dir_all(&cache).map_err(Error::io("create", &cache))?;
    observer.observe(&Event::RunStarted {
        run: request.run.clone(),
        pipeline: request.plan.name(),
        stages: request.plan.stages().count() + 4 * request.plan.open() * request.plan.seeds(),
        resumed: request.resumed,
    });
    let outcome = round::walk(request, observer).unwrap_or_else(|error| Outcome {
        state: RunState::Failed,
        failures: vec![Failure { stage: None, error }],
    });
    let seconds = began.elapsed().as_secs_f64();
    observer.observe(&Event::RunFinished { run: request.run.clone(), state: outcome.state, seconds });
    Ok(outcome)
}

/// The stages asked for: all, or some and what they need.
pub(super) fn wanted(request: &Request, plan: &Plan) -> Result<BTreeSet<Stage>, Error> {
    let all = || plan.stages().cloned();
    let mut wanted = BTreeSet::new();
    for only in request.only {
        let missing =
            || Error::UnknownStage { stage: only.clone(), known: all().map(String::from).collect() };
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
    Ok(if request.only.is_empty() { all().collect() } else { wanted })
}

/// The stages that have to work: those without an artifact, and those whose product is kept in
/// memory only and is needed by one that works.
pub(super) fn working(
    plan: &Plan,
    standings: &BTreeMap<Stage, Standing>,
    wanted: &BTreeSet<Stage>,
) -> BTreeSet<Stage> {
    let mut open: Vec<Stage> = wanted.iter().filter(|stage| !standings[*stage].cached).cloned().collect();
    let mut working = BTreeSet::new();
    while let Some(next) = open.pop() {
        if working.insert(next.clone()) {
            open.extend(needs(plan, &next).filter(|stage| stage::is_transient(stage)).cloned());
        }
    }
    working
}

/// The fingerprints of the stages that a stage needs, by their keys.
pub(super) fn upstream(
    plan: &Plan,
    stage: &Stage,
    print: impl Fn(&Stage) -> Fingerprint,
) -> BTreeMap<String, Fingerprint> {
    needs(plan, stage).map(|needed| (needed.to_string(), print(needed))).collect()
}

/// The stages that a stage needs something of.
pub(super) fn needs<'a>(plan: &'a Plan, stage: &Stage) -> impl Iterator<Item = &'a Stage> {
    let needed = plan.node(stage).map(|node| plan.upstream(node)).unwrap_or_default();
    needed.into_iter().map(|node| &plan.graph[node])
}
