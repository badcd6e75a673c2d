//! Where each stage of a plan stands: stages whose artifact is there tell their story again, the others work.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::domain::fingerprint::Fingerprint;
use crate::domain::layout::Layout;
use crate::plan::{Plan, Stage};
use crate::run::artifact::{ArtifactManifest, ArtifactState};
use crate::run::files::CheckDepth;
use crate::run::stage;
use crate::run::table_contents;

/// Whether a stage would work, and why or why not.
#[derive(Clone, Debug, PartialEq)]
pub struct StageStatus {
    pub fingerprint: Fingerprint,
    /// The settings its result depends on.
    pub config: serde_json::Value,
    pub cached: bool,
    pub reason: String,
    /// What is wrong with the artifact that is there.
    pub damage: Option<String>,
}

/// What each stage of a plan would do now. The artifacts of the stages in `used` are looked at whole, of the
/// others only the sizes.
pub fn stage_statuses(
    plan: &Plan,
    base: &Path,
    layout: &Layout,
    is_new: bool,
    used: &BTreeSet<Stage>,
) -> BTreeMap<Stage, StageStatus> {
    let content = table_contents::content(plan, base, layout);
    let prints = plan.fingerprints(&content.known);
    let mut before = None;
    let status = |stage: &Stage| {
        let fingerprint = prints[stage].clone();
        let folder = layout.artifact(stage.kind().name(), &fingerprint);
        let look = if used.contains(stage) { CheckDepth::Content } else { CheckDepth::Sizes };
        let result = ArtifactState::at(&folder, &fingerprint, look);
        let config = plan.stage_config(stage, &content.known);
        let unreadable = stage.work.table().and_then(|table| content.unreadable.get(table));
        let why = match &result {
            _ if unreadable.is_some() => unreadable.cloned().unwrap_or_default(),
            ArtifactState::Whole(_) if is_new => "made anew: --fresh".to_owned(),
            ArtifactState::Whole(_) => "same settings, same data".to_owned(),
            ArtifactState::Damaged(reason) => format!("damaged: {reason}"),
            ArtifactState::Nothing => match before
                .get_or_insert_with(|| ArtifactManifest::latest(&layout.cache(), plan.name().as_str()))
                .get(stage.key())
            {
                Some(before) => {
                    before.difference(&config, &upstream(plan, stage, |needed| prints[needed].clone()))
                }
                None => "not made before".to_owned(),
            },
        };
        let cached = matches!(result, ArtifactState::Whole(_)) && !is_new && unreadable.is_none();
        let damage = if let ArtifactState::Damaged(reason) = result { Some(reason) } else { None };
        (stage.clone(), StageStatus { fingerprint, config, cached, reason: why, damage })
    };
    plan.stages().map(status).collect()
}

/// The stages that have to work: those without an artifact, and those whose product is kept in
/// memory only and is needed by one that works.
pub(super) fn working(
    plan: &Plan,
    statuses: &BTreeMap<Stage, StageStatus>,
    wanted: &BTreeSet<Stage>,
) -> BTreeSet<Stage> {
    let mut open: Vec<Stage> = wanted.iter().filter(|stage| !statuses[*stage].cached).cloned().collect();
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
