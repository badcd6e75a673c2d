//! Where each stage of a plan stands: stages whose artifact is there tell their story again, the others work.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::domain::fingerprint::Fingerprint;
use crate::domain::layout::Layout;
use crate::plan::{Plan, Stage};
use crate::run::artifact::{Found, Marker};
use crate::run::files::Look;
use crate::run::reads;
use crate::run::stage;

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
