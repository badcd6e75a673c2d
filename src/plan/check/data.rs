//! Checks tables, column names and splits.

use std::collections::{HashMap, HashSet};

use crate::data::config::{SplitConfig, TableConfig};
use crate::domain::diagnostic::{Diagnostic, Path};
use crate::domain::name::{ColumnName, TableName};
use crate::domain::number::Fraction;
use crate::spec::pipeline::PipelineConfig;

/// Checks `data` and `inputs`.
pub fn check(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    if pipeline.data.is_empty() {
        diagnostics.push(
            Diagnostic::error("no-data", Path::from_key("data"), "`data` is empty")
                .help("add a table: `data: {rows: {source: {csv: data/rows.csv}}}`"),
        );
    }
    if pipeline.inputs.is_empty() {
        diagnostics.push(
            Diagnostic::error("no-inputs", Path::from_key("inputs"), "`inputs` is empty")
                .help("add a column and its preprocessing: `inputs: {age: standardize}`"),
        );
    }
    for (name, table) in &pipeline.data {
        let path = Path::from_key("data").key(name);
        diagnostics.extend(shares(&table.split, &path.key("split")));
        diagnostics.extend(renames(table, &path.key("rename")));
        diagnostics.extend(table.query_problems(&path.key("query")));
        if !pipeline.tasks.is_empty() && !is_used(pipeline, name) {
            let message = format!("unused table `{name}`");
            let help = format!("use it in a task with `data: {name}`, or remove it");
            diagnostics.push(Diagnostic::warning("unused-table", path, message).help(help));
        }
    }
    diagnostics.extend(inputs(pipeline));
    diagnostics
}

fn is_used(pipeline: &PipelineConfig, table: &TableName) -> bool {
    pipeline.tasks.values().any(|task| match &task.data {
        Some(name) => name == table,
        None => pipeline.data.len() == 1,
    })
}

/// The shares for validation and testing, if the split has shares.
fn split_shares(split: &SplitConfig) -> Option<(Fraction, Fraction)> {
    match split {
        SplitConfig::Random(split) => Some((split.valid, split.test)),
        SplitConfig::Stratified(split) => Some((split.valid, split.test)),
        SplitConfig::Group(split) => Some((split.valid, split.test)),
        SplitConfig::Time(split) => Some((split.valid, split.test)),
        SplitConfig::Files(_) | SplitConfig::Column(_) => None,
    }
}

/// Is it certain that there are no validation rows?
pub(crate) fn has_no_valid(split: &SplitConfig) -> bool {
    match split {
        SplitConfig::Files(files) => files.valid.is_none() && files.valid_share.get() == 0.0,
        other => split_shares(other).is_some_and(|(valid, _)| valid.get() == 0.0),
    }
}

/// Is it certain that there are no test rows?
pub(crate) fn has_no_test(split: &SplitConfig) -> bool {
    split_shares(split).is_some_and(|(_, test)| test.get() == 0.0)
}

fn shares(split: &SplitConfig, path: &Path) -> Option<Diagnostic> {
    if let SplitConfig::Files(files) = split
        && files.valid.is_none()
        && files.valid_share.get() >= 1.0
    {
        let message = "`valid_share` must be less than 1: no training rows would be left";
        return Some(Diagnostic::error("split-shares", path.key("files").key("valid_share"), message));
    }
    let (valid, test) = split_shares(split)?;
    (valid.get() + test.get() >= 1.0).then(|| {
        let message = format!(
            "`valid` and `test` leave no training rows; their sum must be less than 1 (found {} + {})",
            valid.get(),
            test.get()
        );
        Diagnostic::error("split-shares", path.clone(), message)
    })
}

/// Finds columns that get the same name, and renames without effect.
fn renames(table: &TableConfig, path: &Path) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut sources: HashMap<&ColumnName, &ColumnName> = HashMap::new();
    for (old, new) in &table.rename {
        if old == new {
            let message = format!("`{old}` is renamed to itself");
            diagnostics.push(Diagnostic::warning("rename-to-itself", path.key(old), message));
        } else if let Some(other) = sources.insert(new, old) {
            let message = format!("`{other}` and `{old}` are both renamed to `{new}`");
            diagnostics.push(Diagnostic::error("same-column-name", path.key(old), message));
        }
    }
    diagnostics
}

/// The columns of a table whose old name no longer exists: old name to new name.
fn away(table: &TableConfig) -> HashMap<&str, &ColumnName> {
    let new_names: HashSet<&str> =
        table.rename.iter().filter(|(old, new)| old != new).map(|(_, new)| new.as_str()).collect();
    let lost = table.rename.iter().filter(|(old, new)| old != new && !new_names.contains(old.as_str()));
    lost.map(|(old, new)| (old.as_str(), new)).collect()
}

/// The new name of a column, if the old name no longer exists in this table.
pub(crate) fn renamed_away<'a>(table: &'a TableConfig, column: &str) -> Option<&'a ColumnName> {
    let is_new_name = table.rename.iter().any(|(old, new)| new.as_str() == column && old != new);
    let new = table.rename.iter().find(|(old, _)| old.as_str() == column).map(|(_, new)| new)?;
    (new.as_str() != column && !is_new_name).then_some(new)
}

/// Finds inputs that were renamed in every table, and inputs that define the split.
fn inputs(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let renamed: Vec<HashMap<&str, &ColumnName>> = pipeline.data.values().map(away).collect();
    for name in pipeline.inputs.keys() {
        let path = Path::from_key("inputs").key(name);
        let away: Vec<&ColumnName> =
            renamed.iter().filter_map(|table| table.get(name.as_str()).copied()).collect();
        if let (Some(new), true) = (away.first(), away.len() == pipeline.data.len()) {
            let message = format!("column `{name}` is renamed to `{new}`");
            diagnostics.push(
                Diagnostic::error("renamed-column", path.clone(), message)
                    .on_key()
                    .help(format!("write `{new}`: `inputs` and `target` use the new names")),
            );
        }
        for (table, config) in &pipeline.data {
            if let SplitConfig::Column(split) = &config.split
                && split.by.as_str() == name.as_str()
            {
                let message =
                    format!("`{name}` defines the split of `{table}` and is also an input: possible leakage");
                let help = format!("remove `{name}` from `inputs`: it is constant on the training rows");
                diagnostics
                    .push(Diagnostic::warning("split-is-input", path.clone(), message).on_key().help(help));
            }
        }
    }
    diagnostics
}
