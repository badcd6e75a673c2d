//! The status of each stage: cached stages are replayed, the others run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::domain::fingerprint::Fingerprint;
use crate::domain::layout::Layout;
use crate::plan::{Plan, Stage};
use crate::run::artifact::{ArtifactManifest, ArtifactState};
use crate::run::files::CheckDepth;
use crate::run::stage;
use crate::run::table_contents;

/// Whether a stage would run, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct StageStatus {
    /// Hash of everything it depends on.
    pub fingerprint: Fingerprint,
    /// The settings that its result depends on.
    pub config: serde_json::Value,
    /// Whether its artifact is in the cache.
    pub cached: bool,
    /// Why it runs, or that it is cached.
    pub reason: String,
    /// The problem of an existing but damaged artifact.
    pub damage: Option<String>,
}

/// The status of each stage of a plan. The artifacts of the stages in `used` are checked byte by byte, the
/// others only by size.
pub fn stage_statuses(
    plan: &Plan,
    base: &Path,
    layout: &Layout,
    is_new: bool,
    used: &BTreeSet<Stage>,
) -> BTreeMap<Stage, StageStatus> {
    let content = table_contents::content(plan, base, layout);
    let prints = plan.fingerprints(&content.known);
    let mut latest = None;
    let status = |stage: &Stage| {
        let fingerprint = prints[stage].clone();
        let folder = layout.artifact(stage.kind().name(), &fingerprint);
        let depth = if used.contains(stage) { CheckDepth::Content } else { CheckDepth::Sizes };
        let artifact = ArtifactState::at(&folder, &fingerprint, depth);
        let config = plan.stage_config(stage, &content.known);
        let unreadable = stage.work.table().and_then(|table| content.unreadable.get(table));
        let reason = match &artifact {
            _ if unreadable.is_some() => unreadable.cloned().unwrap_or_default(),
            ArtifactState::Whole(_) if is_new => "rebuild (--fresh)".to_owned(),
            ArtifactState::Whole(_) => "settings and data unchanged".to_owned(),
            ArtifactState::Damaged(reason) => format!("corrupt: {reason}"),
            ArtifactState::Nothing => match latest
                .get_or_insert_with(|| ArtifactManifest::latest(&layout.cache(), plan.name().as_str()))
                .get(stage.key())
            {
                Some(latest) => {
                    latest.difference(&config, &upstream(plan, stage, |needed| prints[needed].clone()))
                }
                None => "not run before".to_owned(),
            },
        };
        let cached = matches!(artifact, ArtifactState::Whole(_)) && !is_new && unreadable.is_none();
        let damage = if let ArtifactState::Damaged(reason) = artifact { Some(reason) } else { None };
        (stage.clone(), StageStatus { fingerprint, config, cached, reason, damage })
    };
    plan.stages().map(status).collect()
}

/// The stages that have to run: those without a cached artifact, and transient stages that one of these
/// needs.
pub(super) fn working(
    plan: &Plan,
    statuses: &BTreeMap<Stage, StageStatus>,
    selected: &BTreeSet<Stage>,
) -> BTreeSet<Stage> {
    let mut open: Vec<Stage> = selected.iter().filter(|stage| !statuses[*stage].cached).cloned().collect();
    let mut working = BTreeSet::new();
    while let Some(next) = open.pop() {
        if working.insert(next.clone()) {
            open.extend(needs(plan, &next).filter(|stage| stage::is_transient(stage)).cloned());
        }
    }
    working
}

/// The fingerprints of the stages that a stage depends on, by key.
pub(super) fn upstream(
    plan: &Plan,
    stage: &Stage,
    print: impl Fn(&Stage) -> Fingerprint,
) -> BTreeMap<String, Fingerprint> {
    needs(plan, stage).map(|needed| (needed.to_string(), print(needed))).collect()
}

/// The stages that a stage depends on.
pub(super) fn needs<'a>(plan: &'a Plan, stage: &Stage) -> impl Iterator<Item = &'a Stage> {
    let needed = plan.node(stage).map(|node| plan.upstream(node)).unwrap_or_default();
    needed.into_iter().map(|node| &plan.graph[node])
}
