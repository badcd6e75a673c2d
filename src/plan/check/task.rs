//! Checks tasks: their tables, targets, losses and metrics.

use std::collections::{HashMap, HashSet};

use crate::data::config::TableConfig;
use crate::domain::choice_config::{Choice, with_article};
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::{ColumnName, TableName, TaskName};
use crate::domain::task::{TagScheme, TargetConfig};
use crate::domain::task_kind::TaskKind;
use crate::evaluate::config::MetricConfig;
use crate::model::config::LossConfig;
use crate::plan::check::data::renamed_away;
use crate::plan::check::weights;
use crate::spec::pipeline::PipelineConfig;
use crate::spec::task::TaskConfig;

/// Checks `tasks`.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    if pipeline.tasks.is_empty() {
        diagnostics.push(
            Diagnostic::error("no-tasks", Path::from_key("tasks"), "`tasks` is empty")
                .help("add a task: `tasks: {income: {target: income, kind: binary}}`"),
        );
    }
    let inputs: HashSet<&str> = pipeline.input_columns().into_iter().collect();
    for (name, task) in &pipeline.tasks {
        let path = Path::from_key("tasks").key(name);
        let table = match table(pipeline, name, task, &path) {
            Ok(table) => table,
            Err(diagnostic) => {
                diagnostics.push(diagnostic);
                None
            }
        };
        diagnostics.extend(columns(task, &path));
        diagnostics.extend(leaks(&inputs, task, table, &path.key("target")));
        diagnostics.extend(order(task, &path.key("kind")));
        diagnostics.extend(weights::loss(task, &path.key("loss")));
        diagnostics.extend(own_loss(task, &path.key("loss")));
        diagnostics.extend(metrics(task, &path.key("metrics")));
    }
    diagnostics.extend(same_targets(pipeline));
    diagnostics
}

/// Reports a task that does not exist but is named in `setting`.
pub(crate) fn unknown_task(
    pipeline: &PipelineConfig,
    name: &TaskName,
    setting: &str,
    path: Path,
) -> Diagnostic {
    let message = format!("unknown task `{name}` in `{setting}`");
    let known = pipeline.tasks.keys().map(TaskName::as_str);
    Diagnostic::error("unknown-task", path, message).did_you_mean(name.as_str(), known)
}

/// The table of a task; `None` if it is unknown or not specified.
pub(crate) fn table_of<'a>(
    pipeline: &'a PipelineConfig,
    task: &TaskConfig,
) -> Option<(&'a TableName, &'a TableConfig)> {
    match &task.data {
        Some(name) => pipeline.data.get_key_value(name),
        None if pipeline.data.len() == 1 => pipeline.data.first(),
        None => None,
    }
}

fn table<'a>(
    pipeline: &'a PipelineConfig,
    name: &TaskName,
    task: &TaskConfig,
    path: &Path,
) -> Result<Option<&'a TableConfig>, Diagnostic> {
    let known = || pipeline.data.keys().map(TableName::as_str);
    match (&task.data, table_of(pipeline, task)) {
        (_, Some((_, table))) => Ok(Some(table)),
        (Some(table), None) => {
            let message = format!("unknown table `{table}`");
            Err(Diagnostic::error("unknown-table", path.key("data"), message)
                .did_you_mean(table.as_str(), known()))
        }
        (None, None) if pipeline.data.is_empty() => Ok(None),
        (None, None) => {
            let message = format!("task `{name}` needs `data`: there are several tables");
            let tables: Vec<&str> = known().collect();
            let help = format!("add `data:` with one of {}", tables.join(", "));
            Err(Diagnostic::error("no-table", path.clone(), message).on_key().help(help))
        }
    }
}

/// Checks the number of target columns, and finds duplicates.
fn columns(task: &TaskConfig, path: &Path) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let columns = &task.target.0;
    let (kind, target) = (task.kind.name(), path.key("target"));
    match &task.kind {
        TargetConfig::Multilabel(_) if columns.len() == 1 => {
            let message = format!("multilabel needs at least 2 target columns; found 1 (`{}`)", columns[0]);
            diagnostics.push(
                Diagnostic::warning("target-count", target.clone(), message).help("write `kind: binary`"),
            );
        }
        TargetConfig::Multilabel(_) | TargetConfig::Regression(_) => {}
        _ if columns.len() > 1 => {
            let message =
                format!("{} task needs one target column; found {}", with_article(kind), columns.len());
            let help = "use `kind: multilabel` for several columns of 0 and 1, `kind: regression` for \
                        several numbers, or one task per column";
            diagnostics.push(Diagnostic::error("target-count", target.clone(), message).help(help));
        }
        _ => {}
    }
    for (position, column) in columns.iter().enumerate() {
        if columns[..position].contains(column) {
            let message = format!("duplicate target column `{column}`");
            diagnostics.push(Diagnostic::error("same-target", target.index(position), message));
        }
    }
    diagnostics
}

/// Finds targets that are also inputs.
fn leaks(
    inputs: &HashSet<&str>,
    task: &TaskConfig,
    table: Option<&TableConfig>,
    path: &Path,
) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    // A language model predicts the next token of an input; that is not leakage.
    if matches!(task.kind, TargetConfig::LanguageModel(_)) {
        return diagnostics;
    }
    let several = task.target.0.len() > 1;
    for (position, column) in task.target.0.iter().enumerate() {
        let index = if several { path.index(position) } else { path.clone() };
        let away = table.and_then(|table| renamed_away(table, column.as_str()));
        // A target under its old name is the same column as the input under its new name.
        let input = [Some(column), away].into_iter().flatten().find(|name| inputs.contains(name.as_str()));
        if let Some(input) = input {
            let message = format!("target leakage: `{column}` is a target and an input");
            let help = format!("remove `{input}` from `inputs`");
            diagnostics.push(Diagnostic::error("target-is-input", index.clone(), message).help(help));
        }
        if let Some(new) = away {
            let message = format!("column `{column}` is renamed to `{new}`");
            let help = format!("write `{new}`: `inputs` and `target` use the new names");
            diagnostics.push(Diagnostic::error("renamed-column", index, message).help(help));
        }
    }
    diagnostics
}

/// Checks the class order of an ordinal task.
fn order(task: &TaskConfig, path: &Path) -> Vec<Diagnostic> {
    let TargetConfig::Ordinal(ordinal) = &task.kind else { return Vec::new() };
    let Some(order) = &ordinal.order else { return Vec::new() };
    let mut diagnostics = Vec::new();
    let path = path.key("ordinal").key("order");
    if order.len() < 2 {
        let message = format!("an ordinal order needs at least 2 classes; found {}", order.len());
        diagnostics.push(Diagnostic::error("class-order", path.clone(), message));
    }
    for (position, class) in order.iter().enumerate() {
        if order[..position].contains(class) {
            let message = format!("duplicate class `{class}` in the order");
            diagnostics.push(Diagnostic::error("class-order", path.index(position), message));
        }
    }
    diagnostics
}

/// A CRF has its own loss; another one would be ignored silently.
fn own_loss(task: &TaskConfig, path: &Path) -> Option<Diagnostic> {
    let TargetConfig::Tagging(tagging) = &task.kind else { return None };
    let other = task.loss.as_ref().is_some_and(|loss| *loss != LossConfig::for_kind(TaskKind::Tagging));
    (tagging.crf && other).then(|| {
        let message = "a tagging task with `crf` always uses the CRF loss";
        Diagnostic::error("crf-loss", path.clone(), message).help("remove `loss`")
    })
}

/// Metrics of spans need a tagging scheme.
fn spans(metric: &MetricConfig, task: &TaskConfig, path: &Path) -> Option<Diagnostic> {
    let TargetConfig::Tagging(tagging) = &task.kind else { return None };
    (metric.view().needs_spans() && tagging.scheme == TagScheme::None).then(|| {
        let message = format!("`{}` needs a tagging scheme", metric.name());
        Diagnostic::error("metric-spans", path.clone(), message)
            .help("write `kind: {tagging: {scheme: bio}}`")
    })
}

fn metrics(task: &TaskConfig, path: &Path) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let metrics = task.metrics.as_deref().unwrap_or_default();
    if task.metrics.is_some() && metrics.is_empty() {
        let message = "`metrics` is empty";
        diagnostics.push(
            Diagnostic::error("no-metrics", path.clone(), message)
                .help("list a metric, or remove `metrics` to use the default of the kind"),
        );
    }
    for (position, metric) in metrics.iter().enumerate() {
        diagnostics.extend(metric_fits(metric, task.kind.kind(), &path.index(position)));
        diagnostics.extend(spans(metric, task, &path.index(position)));
        if metrics[..position].iter().any(|other| other.label() == metric.label()) {
            let message = format!("duplicate metric `{}`", metric.label());
            diagnostics.push(Diagnostic::warning("same-metric", path.index(position), message));
        }
    }
    diagnostics
}

/// Checks that the metric is available for a kind of task.
pub(crate) fn metric_fits(metric: &MetricConfig, kind: TaskKind, path: &Path) -> Option<Diagnostic> {
    (!metric.view().accepts(kind)).then(|| {
        let available = available_metrics(kind).join(", ");
        let message = format!("metric `{}` is not available for `{kind}` tasks", metric.name());
        Diagnostic::error("metric-kind", path.clone(), message).help(format!("for {kind}: {available}"))
    })
}

fn available_metrics(kind: TaskKind) -> Vec<&'static str> {
    let available = |(name, example): &(&'static str, &'static str)| {
        let metric: MetricConfig = crate::spec::registry::parse_settings(example)?;
        metric.view().accepts(kind).then_some(*name)
    };
    MetricConfig::examples().iter().filter_map(available).collect()
}

/// Finds tasks of the same kind with the same target column.
fn same_targets(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut first: HashMap<(Option<&TableName>, &ColumnName, &str), &TaskName> = HashMap::new();
    for (name, task) in &pipeline.tasks {
        let table = table_of(pipeline, task).map(|(table, _)| table);
        for column in &task.target.0 {
            match first.get(&(table, column, task.kind.name())) {
                Some(other) if *other != name => {
                    let path = Path::from_key("tasks").key(name).key("target");
                    let message = format!(
                        "tasks `{other}` and `{name}` are identical: same target `{column}`, same kind `{}`",
                        task.kind.name()
                    );
                    let help = "remove one of them, or change its target";
                    diagnostics.push(Diagnostic::warning("same-target", path, message).help(help));
                }
                _ => {
                    first.insert((table, column, task.kind.name()), name);
                }
            }
        }
    }
    diagnostics
}
