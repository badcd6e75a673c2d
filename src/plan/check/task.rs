//! Tasks: their tables, targets, losses and metrics.

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
            Diagnostic::error("no-tasks", Path::from_key("tasks"), "there is nothing to learn")
                .help("name a task: `tasks: {income: {target: income, kind: binary}}`"),
        );
    }
    let inputs: HashSet<&str> = pipeline.inputs.keys().map(|name| name.as_str()).collect();
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

/// The table a task learns from, where it can be known.
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
            let message = format!("there is no table `{table}` in `data`");
            Err(Diagnostic::error("unknown-table", path.key("data"), message)
                .did_you_mean(table.as_str(), known()))
        }
        (None, None) if pipeline.data.is_empty() => Ok(None),
        (None, None) => {
            let message = format!("`{name}` does not say which table it learns from, and there are several");
            let tables: Vec<&str> = known().collect();
            let help = format!("add `data:` with one of {}", tables.join(", "));
            Err(Diagnostic::error("no-table", path.clone(), message).on_key().help(help))
        }
    }
}

/// How many columns the kind takes, and columns named twice.
fn columns(task: &TaskConfig, path: &Path) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let columns = &task.target.0;
    let (kind, target) = (task.kind.name(), path.key("target"));
    match &task.kind {
        TargetConfig::Multilabel(_) if columns.len() == 1 => {
            let message = format!("a multilabel task with the one column `{}` is a binary task", columns[0]);
            diagnostics.push(
                Diagnostic::warning("target-count", target.clone(), message).help("write `kind: binary`"),
            );
        }
        TargetConfig::Multilabel(_) | TargetConfig::Regression(_) => {}
        _ if columns.len() > 1 => {
            let message =
                format!("{} task has one target column, but {} are named", with_article(kind), columns.len());
            let help = "several columns of 0 and 1 are `kind: multilabel`, several numbers `kind: regression`; \
                        else make a task of each";
            diagnostics.push(Diagnostic::error("target-count", target.clone(), message).help(help));
        }
        _ => {}
    }
    for (position, column) in columns.iter().enumerate() {
        if columns[..position].contains(column) {
            let message = format!("`{column}` is named twice");
            diagnostics.push(Diagnostic::error("same-target", target.index(position), message));
        }
    }
    diagnostics
}

/// A target that is also an input gives the answer away.
fn leaks(
    inputs: &HashSet<&str>,
    task: &TaskConfig,
    table: Option<&TableConfig>,
    path: &Path,
) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    // The next token of an input is no answer given away.
    if matches!(task.kind, TargetConfig::LanguageModel(_)) {
        return diagnostics;
    }
    let several = task.target.0.len() > 1;
    for (position, column) in task.target.0.iter().enumerate() {
        let index = if several { path.index(position) } else { path.clone() };
        let away = table.and_then(|table| renamed_away(table, column.as_str()));
        // A target named as it was before `rename` is the same column as the input under its new name.
        let input = [Some(column), away].into_iter().flatten().find(|name| inputs.contains(name.as_str()));
        if let Some(input) = input {
            let message = format!("`{column}` is a target and also an input: the answer would be given away");
            let help = format!("remove `{input}` from `inputs`");
            diagnostics.push(Diagnostic::error("target-is-input", index.clone(), message).help(help));
        }
        if let Some(new) = away {
            let message = format!("the table has no column `{column}`: `rename` calls it `{new}`");
            let help = format!("write `{new}`; targets are read after `rename`");
            diagnostics.push(Diagnostic::error("renamed-column", index, message).help(help));
        }
    }
    diagnostics
}

/// The classes of an ordinal task.
fn order(task: &TaskConfig, path: &Path) -> Vec<Diagnostic> {
    let TargetConfig::Ordinal(ordinal) = &task.kind else { return Vec::new() };
    let Some(order) = &ordinal.order else { return Vec::new() };
    let mut diagnostics = Vec::new();
    let path = path.key("ordinal").key("order");
    if order.len() < 2 {
        let message = format!("an order has at least two classes, found {}", order.len());
        diagnostics.push(Diagnostic::error("class-order", path.clone(), message));
    }
    for (position, class) in order.iter().enumerate() {
        if order[..position].contains(class) {
            let message = format!("the class `{class}` stands twice in the order");
            diagnostics.push(Diagnostic::error("class-order", path.index(position), message));
        }
    }
    diagnostics
}

/// A CRF's loss is its own; a loss written beside it would be passed over in silence.
fn own_loss(task: &TaskConfig, path: &Path) -> Option<Diagnostic> {
    let TargetConfig::Tagging(tagging) = &task.kind else { return None };
    let other = task.loss.as_ref().is_some_and(|loss| *loss != LossConfig::for_kind(TaskKind::Tagging));
    (tagging.crf && other).then(|| {
        let message = "with `crf` a tagging task has a loss of its own: that of the whole path";
        Diagnostic::error("crf-loss", path.clone(), message).help("leave `loss` out")
    })
}

/// Spans are counted where tags have none.
fn spans(metric: &MetricConfig, task: &TaskConfig, path: &Path) -> Option<Diagnostic> {
    let TargetConfig::Tagging(tagging) = &task.kind else { return None };
    (metric.view().needs_spans() && tagging.scheme == TagScheme::None).then(|| {
        let message = format!("`{}` counts spans, and without a scheme tags mark none", metric.name());
        Diagnostic::error("metric-spans", path.clone(), message).help("say `kind: {tagging: {scheme: bio}}`")
    })
}

fn metrics(task: &TaskConfig, path: &Path) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let metrics = task.metrics.as_deref().unwrap_or_default();
    if task.metrics.is_some() && metrics.is_empty() {
        let message = "the list is empty: nothing would be measured";
        diagnostics.push(
            Diagnostic::error("no-metrics", path.clone(), message)
                .help("leave it out for the kind's own metrics"),
        );
    }
    for (position, metric) in metrics.iter().enumerate() {
        diagnostics.extend(metric_fits(metric, task.kind.kind(), &path.index(position)));
        diagnostics.extend(spans(metric, task, &path.index(position)));
        if metrics[..position].iter().any(|other| other.label() == metric.label()) {
            let message = format!("`{}` is measured twice", metric.label());
            diagnostics.push(Diagnostic::warning("same-metric", path.index(position), message));
        }
    }
    diagnostics
}

/// A metric that says nothing of such a task.
pub(crate) fn metric_fits(metric: &MetricConfig, kind: TaskKind, path: &Path) -> Option<Diagnostic> {
    (!metric.view().accepts(kind)).then(|| {
        let fitting = fitting_metrics(kind).join(", ");
        let message =
            format!("the metric `{}` does not fit {} task", metric.name(), with_article(kind.name()));
        Diagnostic::error("metric-kind", path.clone(), message).help(format!("for {kind}: {fitting}"))
    })
}

fn fitting_metrics(kind: TaskKind) -> Vec<&'static str> {
    let read = |(name, example): &(&'static str, &'static str)| {
        let metric: MetricConfig = crate::spec::registry::read_words(example)?;
        metric.view().accepts(kind).then_some(*name)
    };
    MetricConfig::examples().iter().filter_map(read).collect()
}

/// Two tasks of one kind that learn the same column.
fn same_targets(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut first: HashMap<(Option<&TableName>, &ColumnName, &str), &TaskName> = HashMap::new();
    for (name, task) in &pipeline.tasks {
        let table = table_of(pipeline, task).map(|(table, _)| table);
        for column in &task.target.0 {
            match first.get(&(table, column, task.kind.name())) {
                Some(other) if *other != name => {
                    let path = Path::from_key("tasks").key(name).key("target");
                    let message =
                        format!("`{other}` and `{name}` both learn `{column}` as {}", task.kind.name());
                    diagnostics.push(
                        Diagnostic::warning("same-target", path, message).help("is one of them a copy?"),
                    );
                }
                _ => {
                    first.insert((table, column, task.kind.name()), name);
                }
            }
        }
    }
    diagnostics
}
