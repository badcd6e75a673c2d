//! Fills in defaults that depend on other settings of the file.

use crate::domain::name::PipelineName;
use crate::domain::number::Count;
use crate::domain::task::{TagScheme, TargetConfig};
use crate::evaluate::default_metrics;
use crate::model::config::LossConfig;
use crate::plan::preference;
use crate::spec::pipeline::PipelineConfig;
use crate::train::config::WeightingConfig;

/// Fills in name, tables, losses, metrics and the monitored metric.
pub(crate) fn fill(pipeline: &mut PipelineConfig, default_name: &str) {
    pipeline.name.get_or_insert_with(|| pipeline_name(default_name));
    let only_table = match pipeline.data.len() {
        1 => pipeline.data.keys().next().cloned(),
        _ => None,
    };
    for task in pipeline.tasks.values_mut() {
        let kind = task.kind.kind();
        if task.data.is_none() {
            task.data = only_table.clone();
        }
        task.loss.get_or_insert_with(|| LossConfig::for_kind(kind));
        let scheme = scheme(&task.kind);
        task.metrics.get_or_insert_with(|| default_metrics(kind, scheme));
    }
    let tasks = pipeline.tasks.len();
    for choice in &mut pipeline.weighting.0 {
        if let WeightingConfig::Cosmos(config) = choice {
            config.front.get_or_insert(Count::constant(preference::default_points(tasks)));
        }
    }
    pipeline.sweep = pipeline.sweep.as_ref().map(|sweep| preference::expanded(pipeline, sweep));
    for objective in pipeline.sweep.iter_mut().flat_map(|sweep| &mut sweep.objectives) {
        if objective.metric.is_none() {
            let metrics = pipeline.tasks.get(&objective.task).and_then(|task| task.metrics.as_ref());
            objective.metric = metrics.and_then(|metrics| metrics.first().cloned());
        }
    }
    let monitor = &mut pipeline.train.monitor;
    if let (Some(task), None) = (&monitor.task, &monitor.metric) {
        let metrics = pipeline.tasks.get(task).and_then(|task| task.metrics.as_ref());
        monitor.metric = metrics.and_then(|metrics| metrics.first().cloned());
    }
}

/// The tagging scheme of a task; `None` for tasks without tags.
pub(crate) fn scheme(kind: &TargetConfig) -> TagScheme {
    match kind {
        TargetConfig::Tagging(tagging) => tagging.scheme,
        _ => TagScheme::None,
    }
}

/// Derives a pipeline's name from its file name: invalid characters become `_`, and long names are truncated.
pub(crate) fn pipeline_name(stem: &str) -> PipelineName {
    let letters = |c: char| if c.is_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    let mut name: String = stem.chars().map(letters).collect();
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        name.insert(0, '_');
    }
    // Names have at most 64 bytes; run ids append to them.
    let ends = name.char_indices().map(|(start, letter)| start + letter.len_utf8());
    name.truncate(ends.take_while(|end| *end <= 48).last().unwrap_or(0));
    PipelineName::new(name)
        .or_else(|| PipelineName::new("pipeline"))
        .unwrap_or_else(|| unreachable!("`pipeline` is a valid name"))
}
