//! Checks `train.merge`.

use std::collections::BTreeSet;

use crate::domain::choice_config::Choice;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::model::config::LayerConfig;
use crate::model::sharing::SharingConfig;
use crate::plan::check::network::{each, lists_of};
use crate::spec::pipeline::PipelineConfig;

/// Runs to merge: at least two, each once, without updates of low rank, and with one trunk for all tasks.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let Some(merge) = &pipeline.train.merge else { return Vec::new() };
    let path = Path::from_key("train").key("merge");
    let mut diagnostics = Vec::new();
    let mut error = |path: Path, message: String, help: &str| {
        diagnostics.push(Diagnostic::error("merge", path, message).help(help));
    };
    let runs = path.key("runs");
    if merge.runs.len() < 2 {
        let message = format!("{} run to merge; expected at least two", merge.runs.len());
        error(runs.clone(), message, "`mtl runs` lists runs");
    }
    let mut seen = BTreeSet::new();
    for (index, run) in merge.runs.iter().enumerate().filter(|(_, run)| !seen.insert(run.as_str())) {
        error(runs.index(index), format!("`{run}` is listed twice"), "remove it");
    }
    if !matches!(pipeline.sharing, SharingConfig::Hard(_)) {
        let message = format!("`sharing: {}` has weights of each task", pipeline.sharing.name());
        error(path.clone(), message, "merging needs `sharing: hard`");
    }
    for (list, members, _) in lists_of(pipeline) {
        each(members, &list, false, &mut |layer, at, _| {
            let LayerConfig::Pretrained(config) = layer else { return };
            if config.lora.is_some() || config.adapter.is_some() {
                let message =
                    "task vectors are differences of whole weights; this layer trains updates of low \
                               rank"
                        .to_owned();
                error(at.key("pretrained"), message, "merge runs without `lora` and `adapter`");
            }
        });
    }
    diagnostics
}
