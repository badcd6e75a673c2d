//! A sweep's objectives: tasks and metrics that there are, scored on the rows that choose.

use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::TaskName;
use crate::domain::score::Split;
use crate::evaluate::default_metrics;
use crate::evaluate::spec::MetricSpec;
use crate::plan::check::task::metric_fits;
use crate::plan::default::scheme;
use crate::spec::objective::ObjectiveSpec;
use crate::spec::pipeline::PipelineSpec;
use crate::spec::sweep::SweepSpec;
use crate::spec::task::TaskSpec;

/// Checks `sweep.objectives`.
pub(crate) fn check(pipeline: &PipelineSpec, sweep: &SweepSpec) -> Vec<Diagnostic> {
    let objectives = &sweep.objectives;
    let path = Path::of("sweep").key("objectives");
    let mut found = Vec::new();
    if objectives.len() == 1 {
        let help = "list two or more; for one, set `train.monitor: {task: ..., metric: ...}`";
        let message = "there is one objective: a front needs something to weigh it against";
        found.push(Diagnostic::error("objectives", path.clone(), message).on_key().help(help));
    }
    let mut known: Vec<(&TaskName, Option<String>)> = Vec::new();
    for (place, objective) in objectives.iter().enumerate() {
        let path = path.index(place);
        let Some(task) = pipeline.tasks.get(&objective.task) else {
            let message = format!("there is no task `{}` to be an objective", objective.task);
            let names = pipeline.tasks.keys().map(TaskName::as_str);
            let diagnostic = Diagnostic::error("unknown-task", path.key("task"), message);
            found.push(diagnostic.did_you_mean(objective.task.as_str(), names));
            continue;
        };
        found.extend(measured(objective, task, &path));
        let own = (&objective.task, label(objective, task));
        if known.contains(&own) {
            let message = format!("the {} of `{}` stands twice", own.1.unwrap_or_default(), objective.task);
            found.push(Diagnostic::error("same-choice", path, message));
        } else {
            known.push(own);
        }
    }
    let given = objectives.iter().filter(|objective| objective.reference.is_some()).count();
    if given > 0 && given < objectives.len() {
        let message = "some objectives have a `reference` and others have none";
        let help = "give it to every objective, or to none";
        found.push(Diagnostic::error("objectives", path.clone(), message).on_key().help(help));
    }
    if !objectives.is_empty() && !pipeline.evaluate.splits.contains(&Split::Valid) {
        let message = "the front is chosen on validation rows, which are not scored";
        let help = "add `valid` to `evaluate.splits`";
        found.push(Diagnostic::error("objectives", path, message).on_key().help(help));
    }
    found
}

/// Metrics that are scored for a task.
fn metrics(task: &TaskSpec) -> Vec<MetricSpec> {
    task.metrics.clone().unwrap_or_else(|| default_metrics(task.kind.kind(), scheme(&task.kind)))
}

fn label(objective: &ObjectiveSpec, task: &TaskSpec) -> Option<String> {
    let own = objective.metric.clone().or_else(|| metrics(task).into_iter().next());
    own.map(|metric| metric.label())
}

/// The metric must fit the task, and be among those that are scored.
fn measured(objective: &ObjectiveSpec, task: &TaskSpec, path: &Path) -> Option<Diagnostic> {
    let metric = objective.metric.as_ref()?;
    let path = path.key("metric");
    let misfit = metric_fits(metric, task.kind.kind(), &path);
    misfit.or_else(|| {
        let known: Vec<String> = metrics(task).iter().map(MetricSpec::label).collect();
        let label = metric.label();
        (!known.contains(&label)).then(|| {
            let message = format!("`{label}` is not among the metrics of `{}`", objective.task);
            let help =
                format!("add it to `tasks.{}.metrics`; there are: {}", objective.task, known.join(", "));
            Diagnostic::error("objective-metric", path, message).help(help)
        })
    })
}
