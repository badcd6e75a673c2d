//! Checks training, evaluation and export.

use crate::data::config::FeatureConfig;
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::TableName;
use crate::domain::score::Split;
use crate::domain::shape::Shape;
use crate::onnx::config::ExportConfig;
use crate::plan::check::balance;
use crate::plan::check::data::{has_no_test, has_no_valid};
use crate::plan::check::task::{metric_fits, table_of, unknown_task};
use crate::spec::pipeline::PipelineConfig;

/// Checks `weighting`, `train`, `evaluate` and `export`.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = balance::check(pipeline);
    diagnostics.extend(monitor(pipeline));
    diagnostics.extend(patience(pipeline));
    diagnostics.extend(batch_tokens(pipeline));
    diagnostics.extend(splits(pipeline));
    diagnostics.extend(baselines(pipeline));
    let ExportConfig::Onnx(onnx) = &pipeline.export;
    if !(17..=21).contains(&onnx.opset.get()) {
        let path = Path::from_key("export").key("onnx").key("opset");
        let message = format!("`opset` must be from 17 to 21; found {}", onnx.opset.get());
        diagnostics.push(Diagnostic::error("opset", path, message));
    }
    diagnostics
}

fn monitor(pipeline: &PipelineConfig) -> Option<Diagnostic> {
    let monitor = &pipeline.train.monitor;
    let path = Path::from_key("train").key("monitor");
    let Some(name) = &monitor.task else {
        return monitor.metric.as_ref().map(|_| {
            let message = "`monitor.metric` needs `monitor.task`";
            let help = "add `task`, or remove `metric` to monitor the losses of all tasks";
            Diagnostic::error("monitor-task", path.key("metric"), message).help(help)
        });
    };
    match pipeline.tasks.get(name) {
        None => Some(unknown_task(pipeline, name, "monitor", path.key("task"))),
        Some(task) => {
            let metric = monitor.metric.as_ref()?;
            metric_fits(metric, task.kind.kind(), &path.key("metric"))
        }
    }
}

/// `batch_tokens` needs sequences, of which one row fits into a batch.
fn batch_tokens(pipeline: &PipelineConfig) -> Option<Diagnostic> {
    let tokens = pipeline.train.batch_tokens?.get();
    let error = |message: String, help: String| {
        let path = Path::from_key("train").key("batch_tokens");
        Some(Diagnostic::error("batch-tokens", path, message).help(help))
    };
    let is_sequence =
        |input: &FeatureConfig| matches!(input.shape(), Shape::Tokens { .. } | Shape::Sequence { .. });
    // Batches are cut by the first sequence.
    let first = pipeline.inputs.iter().find(|(_, input)| is_sequence(&input.feature));
    let length = first.map(|(name, input)| match &input.feature {
        FeatureConfig::Text(config) => (name, config.length.get()),
        FeatureConfig::Tokens(config) => (name, config.length.get()),
        FeatureConfig::Series(config) => (name, config.length.get()),
        // Rows of an input kind of another crate have any length.
        _ => (name, 0),
    });
    match length {
        None => {
            let message = "`batch_tokens` limits batches of sequences; no input is a sequence";
            error(message.to_owned(), "write `batch_size` alone".to_owned())
        }
        Some((name, length)) if length > tokens => error(
            format!("a row of `{name}` has up to {length} tokens, more than a batch of {tokens}"),
            format!("write at least `batch_tokens: {length}`, or a smaller `length`"),
        ),
        _ => None,
    }
}

/// Early stopping needs validation rows.
fn patience(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let monitor = &pipeline.train.monitor;
    if monitor.patience.is_none() {
        return Vec::new();
    }
    let path = Path::from_key("train").key("monitor").key("patience");
    without_valid(pipeline)
        .map(|name| {
            let message = format!("`patience` needs validation rows; the split of `{name}` has none");
            let help = format!("raise `valid` in `data.{name}.split`, or remove `patience`");
            Diagnostic::error("patience-without-valid", path, message).help(help)
        })
        .into_iter()
        .collect()
}

/// A table of the monitored tasks, if none of their tables has validation rows.
pub(crate) fn without_valid(pipeline: &PipelineConfig) -> Option<&TableName> {
    let monitor = &pipeline.train.monitor;
    let monitored: Vec<_> = match &monitor.task {
        Some(name) => pipeline.tasks.get(name).into_iter().collect(),
        None => pipeline.tasks.values().collect(),
    };
    let mut tables: Vec<_> = monitored.into_iter().filter_map(|task| table_of(pipeline, task)).collect();
    tables.dedup_by_key(|(name, _)| *name);
    let without: Vec<_> = tables.iter().filter(|(_, table)| has_no_valid(&table.split)).collect();
    let (name, _) = without.first()?;
    (without.len() == tables.len()).then_some(*name)
}

/// Checks the splits to score: at least one, no duplicates, and not only a split without rows.
fn splits(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let path = Path::from_key("evaluate").key("splits");
    let splits = &pipeline.evaluate.splits;
    let mut diagnostics = Vec::new();
    if splits.is_empty() {
        let message = "`evaluate.splits` is empty";
        diagnostics
            .push(Diagnostic::error("no-splits", path.clone(), message).help("for example: [valid, test]"));
    }
    for (position, split) in splits.iter().enumerate() {
        if splits[..position].contains(split) {
            diagnostics.push(Diagnostic::warning(
                "same-split",
                path.index(position),
                format!("duplicate split `{split}`"),
            ));
        }
    }
    let without_test =
        !pipeline.data.is_empty() && pipeline.data.values().all(|table| has_no_test(&table.split));
    if splits.as_slice() == [Split::Test] && without_test {
        let message = "`evaluate.splits` is [test], but no table has test rows";
        diagnostics
            .push(Diagnostic::error("no-splits", path, message).help("raise `test` in the split of a table"));
    }
    diagnostics
}

/// Baselines need at least two tasks.
fn baselines(pipeline: &PipelineConfig) -> Option<Diagnostic> {
    pipeline.evaluate.baselines.as_ref().filter(|_| pipeline.tasks.len() == 1)?;
    let message = "`baselines` needs at least 2 tasks; found 1";
    let help = "remove `baselines`, or add a task";
    Some(
        Diagnostic::error("baselines-one-task", Path::from_key("evaluate").key("baselines"), message)
            .help(help),
    )
}
