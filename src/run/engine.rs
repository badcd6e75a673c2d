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
use crate::domain::name::{RunId, TableName};
use crate::domain::task::TargetSpec;
use crate::plan::content::{Contents, combined};
use crate::plan::{Plan, Stage, Work};
use crate::run::artifact::{Found, Marker};
use crate::run::error::Error;
use crate::run::files::Look;
use crate::run::lock::RunLock;
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

/// How it went.
#[derive(Debug)]
pub struct Outcome {
    pub state: RunState,
    /// The stages that failed, with why.
    pub failures: Vec<(String, Error)>,
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

/// What each stage of a plan would do now, by its key. The artifacts of the stages in `used` are looked at whole, of the
/// others only the sizes.
pub fn standings(
    plan: &Plan,
    base: &Path,
    layout: &Layout,
    fresh: bool,
    used: &BTreeSet<String>,
) -> BTreeMap<String, Standing> {
    let content = content(plan, base, layout);
    let prints = plan.fingerprints(&content.known);
    let mut before = None;
    let standing = |stage: &Stage| {
        let fingerprint = prints[&stage.key].clone();
        let folder = layout.artifact(stage.work.kind(), &fingerprint);
        let look = if used.contains(&stage.key) { Look::Content } else { Look::Sizes };
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
                .get(&stage.key)
            {
                Some(before) => {
                    before.difference(&words, &upstream(plan, &stage.key, |key| prints[key].clone()))
                }
                None => "not made before".to_owned(),
            },
        };
        let cached = matches!(found, Found::Whole(_)) && !fresh && unreadable.is_none();
        let damage = if let Found::Damaged(reason) = found { Some(reason) } else { None };
        (stage.key.clone(), Standing { fingerprint, words, cached, why, damage })
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
        failures: vec![("prepare".to_owned(), error)],
    });
    let seconds = began.elapsed().as_secs_f64();
    observer.observe(&Event::RunFinished { run: request.run.clone(), state: outcome.state, seconds });
    Ok(outcome)
}

/// The stages asked for: all, or some and what they need.
pub(super) fn wanted(request: &Request, plan: &Plan) -> Result<BTreeSet<String>, Error> {
    let all = || plan.stages().map(|stage| stage.key.clone());
    let mut wanted = BTreeSet::new();
    for only in request.only {
        let missing = || Error::UnknownStage { stage: only.clone(), known: all().collect() };
        let nodes = plan.only(only).ok_or_else(missing)?;
        wanted.extend(nodes.into_iter().map(|node| plan.graph[node].key.clone()));
    }
    let pruned = plan.pipeline.sweep.as_ref().is_some_and(|sweep| sweep.pruning.is_some());
    let trained =
        |key: &String| plan.node(key).map(|node| &plan.graph[node]).filter(|stage| stage.work == Work::Train);
    if let Some(last) =
        wanted.iter().filter_map(trained).filter_map(|stage| stage.trial).max().filter(|_| pruned)
    {
        // Whether a trial is given up depends on those before it.
        for node in (1..last).filter_map(|trial| plan.only(&format!("train#{trial}"))).flatten() {
            wanted.insert(plan.graph[node].key.clone());
        }
    }
    Ok(if request.only.is_empty() { all().collect() } else { wanted })
}

/// The stages that have to work: those without an artifact, and those whose product is kept in
/// memory only and is needed by one that works.
pub(super) fn working(
    plan: &Plan,
    standings: &BTreeMap<String, Standing>,
    wanted: &BTreeSet<String>,
) -> BTreeSet<String> {
    let mut open: Vec<String> = wanted.iter().filter(|key| !standings[*key].cached).cloned().collect();
    let mut working = BTreeSet::new();
    while let Some(key) = open.pop() {
        if working.insert(key.clone()) {
            let needed = needs(plan, &key).filter(|stage| stage::is_transient(stage));
            open.extend(needed.map(|stage| stage.key.clone()));
        }
    }
    working
}

/// Tables by the content of their files.
struct Content {
    known: BTreeMap<TableName, Fingerprint>,
    /// Tables that cannot be read, and why. Their `load` stage will say it in full.
    unreadable: BTreeMap<TableName, String>,
}

fn content(plan: &Plan, base: &Path, layout: &Layout) -> Content {
    let mut contents = Contents::open(layout.file_hashes());
    let (mut known, mut unreadable) = (BTreeMap::new(), BTreeMap::new());
    // What one of them lacks, `fit` will say.
    let shared: Vec<_> =
        shared(plan).iter().filter_map(|file| contents.file(&base.join(file)).ok()).collect();
    for (name, table) in &plan.pipeline.data {
        let files = crate::data::files(table, base)
            .into_iter()
            .map(|path| contents.file(&path).map_err(Error::reading(&path)))
            .collect::<Result<Vec<_>, _>>();
        match files {
            Ok(files) => {
                let content = [files, shared.clone()].concat();
                known.insert(name.clone(), combined(&content, &table.source.names(base)));
            }
            Err(error) => {
                unreadable.insert(name.clone(), error.to_string());
            }
        }
    }
    // What cannot be remembered is read again next time.
    let _ = contents.save();
    Content { known, unreadable }
}

/// Files that inputs and targets are fitted by, such as tokenizers and vectors of words: they count as part of every table, since
/// rows of any are encoded by them.
fn shared(plan: &Plan) -> Vec<String> {
    let inputs = plan.inputs().into_iter().filter_map(|(_, words)| words.file().map(str::to_owned));
    let targets = plan.tasks().into_iter().filter_map(|task| match &task.target {
        TargetSpec::Text(words) => words.tokenizer.file().map(str::to_owned),
        _ => None,
    });
    let vectors = plan.vectors().into_iter().map(|wanted| wanted.path);
    inputs.chain(targets).chain(vectors).collect()
}

/// The fingerprints of the stages that a stage needs.
pub(super) fn upstream(
    plan: &Plan,
    key: &str,
    print: impl Fn(&str) -> Fingerprint,
) -> BTreeMap<String, Fingerprint> {
    needs(plan, key).map(|stage| (stage.key.clone(), print(&stage.key))).collect()
}

/// The stages that a stage needs something of.
pub(super) fn needs<'a>(plan: &'a Plan, key: &str) -> impl Iterator<Item = &'a Stage> {
    let needed = plan.node(key).map(|node| plan.upstream(node)).unwrap_or_default();
    needed.into_iter().map(|node| &plan.graph[node])
}
