//! Checks the objectives of a sweep.

use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::TaskName;
use crate::domain::score::Split;
use crate::evaluate::config::MetricConfig;
use crate::evaluate::default_metrics;
use crate::plan::check::task::{metric_fits, unknown_task};
use crate::plan::default::scheme;
use crate::spec::objective::ObjectiveConfig;
use crate::spec::pipeline::PipelineConfig;
use crate::spec::sweep::SweepConfig;
use crate::spec::task::TaskConfig;

/// Checks `sweep.objectives`.
pub(crate) fn check(pipeline: &PipelineConfig, sweep: &SweepConfig) -> Vec<Diagnostic> {
    let objectives = &sweep.objectives;
    let path = Path::from_key("sweep").key("objectives");
    let mut diagnostics = Vec::new();
    if objectives.len() == 1 {
        let help = "for one objective set `train.monitor: {task: ..., metric: ...}`";
        let message = "`objectives` needs at least 2 entries; found 1";
        diagnostics.push(Diagnostic::error("objectives", path.clone(), message).on_key().help(help));
    }
    let mut known: Vec<(&TaskName, Option<String>)> = Vec::new();
    for (index, objective) in objectives.iter().enumerate() {
        let path = path.index(index);
        let Some(task) = pipeline.tasks.get(&objective.task) else {
            diagnostics.push(unknown_task(pipeline, &objective.task, "objectives", path.key("task")));
            continue;
        };
        diagnostics.extend(measured(objective, task, &path));
        let own = (&objective.task, label(objective, task));
        if known.contains(&own) {
            let (task, label) = own;
            let message = format!("duplicate objective: {} of `{task}`", label.unwrap_or_default());
            diagnostics.push(Diagnostic::error("same-choice", path, message));
        } else {
            known.push(own);
        }
    }
    let with_reference = objectives.iter().filter(|objective| objective.reference.is_some()).count();
    if with_reference > 0 && with_reference < objectives.len() {
        let message = "`reference` must be set for all objectives or for none";
        let help = "set or remove it everywhere";
        diagnostics.push(Diagnostic::error("objectives", path.clone(), message).on_key().help(help));
    }
    if !objectives.is_empty() && !pipeline.evaluate.splits.contains(&Split::Valid) {
        let message = "the Pareto front needs validation scores; `evaluate.splits` has no `valid`";
        let help = "add `valid` to `evaluate.splits`";
        diagnostics.push(Diagnostic::error("objectives", path, message).on_key().help(help));
    }
    diagnostics
}

/// The metrics that are computed for a task.
fn metrics(task: &TaskConfig) -> Vec<MetricConfig> {
    task.metrics.clone().unwrap_or_else(|| default_metrics(task.kind.kind(), scheme(&task.kind)))
}

fn label(objective: &ObjectiveConfig, task: &TaskConfig) -> Option<String> {
    let own = objective.metric.clone().or_else(|| metrics(task).into_iter().next());
    own.map(|metric| metric.label())
}

/// The metric must be available for the task and be one of its metrics.
fn measured(objective: &ObjectiveConfig, task: &TaskConfig, path: &Path) -> Option<Diagnostic> {
    let metric = objective.metric.as_ref()?;
    let path = path.key("metric");
    let misfit = metric_fits(metric, task.kind.kind(), &path);
    misfit.or_else(|| {
        let known: Vec<String> = metrics(task).iter().map(MetricConfig::label).collect();
        let label = metric.label();
        (!known.contains(&label)).then(|| {
            let message = format!("`{label}` is not one of the metrics of `{}`", objective.task);
            let help =
                format!("add it to `tasks.{}.metrics`, or use one of {}", objective.task, known.join(", "));
            Diagnostic::error("objective-metric", path, message).help(help)
        })
    })
}
