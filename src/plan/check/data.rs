//! Tables, their columns' names and their splits.

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
            Diagnostic::error("no-data", Path::from_key("data"), "there is no table to learn from")
                .help("name one: `data: {rows: {source: {csv: data/rows.csv}}}`"),
        );
    }
    if pipeline.inputs.is_empty() {
        diagnostics.push(
            Diagnostic::error("no-inputs", Path::from_key("inputs"), "there is no input to learn from")
                .help("name a column and how it is read: `inputs: {age: standardize}`"),
        );
    }
    for (name, table) in &pipeline.data {
        let path = Path::from_key("data").key(name);
        diagnostics.extend(shares(&table.split, &path.key("split")));
        diagnostics.extend(renames(table, &path.key("rename")));
        diagnostics.extend(table.query_problems(&path.key("query")));
        if !pipeline.tasks.is_empty() && !is_used(pipeline, name) {
            let message = format!("no task learns from the table `{name}`");
            diagnostics.push(
                Diagnostic::warning("unused-table", path, message).help("a task names its table by `data`"),
            );
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

/// The shares for validation and testing, where the split has them.
fn given_shares(split: &SplitConfig) -> Option<(Fraction, Fraction)> {
    match split {
        SplitConfig::Random(split) => Some((split.valid, split.test)),
        SplitConfig::Stratified(split) => Some((split.valid, split.test)),
        SplitConfig::Group(split) => Some((split.valid, split.test)),
        SplitConfig::Time(split) => Some((split.valid, split.test)),
        SplitConfig::Files(_) | SplitConfig::Column(_) => None,
    }
}

/// Is it known that no row will be for validation?
pub(crate) fn has_no_valid(split: &SplitConfig) -> bool {
    match split {
        SplitConfig::Files(files) => files.valid.is_none() && files.valid_share.get() == 0.0,
        other => given_shares(other).is_some_and(|(valid, _)| valid.get() == 0.0),
    }
}

/// Is it known that no row will be for testing?
pub(crate) fn has_no_test(split: &SplitConfig) -> bool {
    given_shares(split).is_some_and(|(_, test)| test.get() == 0.0)
}

fn shares(split: &SplitConfig, path: &Path) -> Option<Diagnostic> {
    if let SplitConfig::Files(files) = split
        && files.valid.is_none()
        && files.valid_share.get() >= 1.0
    {
        let message = "every training row would be drawn for validation: nothing is left to learn from";
        return Some(Diagnostic::error("split-shares", path.key("files").key("valid_share"), message));
    }
    let (valid, test) = given_shares(split)?;
    let sum = valid.get() + test.get();
    (sum >= 1.0).then(|| {
        let message = format!(
            "valid {} and test {} leave {:.0} % of the rows to learn from",
            valid.get(),
            test.get(),
            (1.0 - sum).max(0.0) * 100.0
        );
        Diagnostic::error("split-shares", path.clone(), message).help("their sum must be less than 1")
    })
}

/// Two columns of one name, and renames that do nothing.
fn renames(table: &TableConfig, path: &Path) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut givers: HashMap<&ColumnName, &ColumnName> = HashMap::new();
    for (old, new) in &table.rename {
        if old == new {
            let message = format!("`{old}` is renamed to itself");
            diagnostics.push(Diagnostic::warning("rename-to-itself", path.key(old), message));
        } else if let Some(other) = givers.insert(new, old) {
            let message = format!("`{other}` and `{old}` are both renamed to `{new}`");
            diagnostics.push(Diagnostic::error("same-column-name", path.key(old), message));
        }
    }
    diagnostics
}

/// The columns of a table that have lost their name, by their old one, with the new one.
fn away(table: &TableConfig) -> HashMap<&str, &ColumnName> {
    let given: HashSet<&str> =
        table.rename.iter().filter(|(old, new)| old != new).map(|(_, new)| new.as_str()).collect();
    let lost = table.rename.iter().filter(|(old, new)| old != new && !given.contains(old.as_str()));
    lost.map(|(old, new)| (old.as_str(), new)).collect()
}

/// The new name of a column that has lost the given one in this table.
pub(crate) fn renamed_away<'a>(table: &'a TableConfig, column: &str) -> Option<&'a ColumnName> {
    let given_anew = table.rename.iter().any(|(old, new)| new.as_str() == column && old != new);
    let new = table.rename.iter().find(|(old, _)| old.as_str() == column).map(|(_, new)| new)?;
    (new.as_str() != column && !given_anew).then_some(new)
}

/// Inputs that no table can have, and inputs that say which split a row belongs to.
fn inputs(pipeline: &PipelineConfig) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let renamed: Vec<HashMap<&str, &ColumnName>> = pipeline.data.values().map(away).collect();
    for name in pipeline.inputs.keys() {
        let path = Path::from_key("inputs").key(name);
        let away: Vec<&ColumnName> =
            renamed.iter().filter_map(|table| table.get(name.as_str()).copied()).collect();
        if let (Some(new), true) = (away.first(), away.len() == pipeline.data.len()) {
            let message = format!("no table has a column `{name}`: `rename` calls it `{new}`");
            diagnostics.push(
                Diagnostic::error("renamed-column", path.clone(), message)
                    .on_key()
                    .help(format!("write `{new}`; inputs are read after `rename`")),
            );
        }
        for (table, config) in &pipeline.data {
            if let SplitConfig::Column(split) = &config.split
                && split.by.as_str() == name.as_str()
            {
                let message =
                    format!("`{name}` divides the rows of `{table}` into splits and is also an input");
                diagnostics.push(
                    Diagnostic::warning("split-is-input", path.clone(), message).on_key().help(
                        "it has one and the same value on all training rows: leave it out of the inputs",
                    ),
                );
            }
        }
    }
    diagnostics
}
